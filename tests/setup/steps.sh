# Runs named steps one after another, each in a shell of its own, and remembers how they ended.
# A step that fails never stops the others; those that need what it makes are left out.

WORK=$(mktemp -d)  # all that the run leaves behind, removed at its end
chmod 711 "$WORK"  # PostgreSQL's user passes through
LOGS=$ROOT/tests-output/logs
mkdir -p "$LOGS"

NAMES=()
declare -A RESULT SECONDS_OF
STEP_PID=

# A step's processes form a group of their own, so that an interrupted run ends them and nothing else.
stop_step() {
    [[ -n $STEP_PID ]] && kill -TERM -- "-$STEP_PID" 2>/dev/null && wait "$STEP_PID" 2>/dev/null
    STEP_PID=
}
trap 'stop_step; rm -rf "$WORK"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

wanted() { ((${#WANTED[@]} == 0)) || [[ " ${WANTED[*]} " == *" $1 "* ]]; }

# What runs inside a step's shell: `set -e` counts here, and CLEANUP ends what the step has started.
run_step() {
    set -e
    CLEANUP=()
    trap 'for action in "${CLEANUP[@]}"; do $action || true; done' EXIT
    trap 'exit 143' TERM
    "$1"
}

# step NAME [after NAME...]: runs the function NAME unless a step before it, that it needs, went wrong.
step() {
    local name=$1 need code begun=$SECONDS log=$LOGS/$1.log
    wanted "$name" || return 0
    NAMES+=("$name")
    SECONDS_OF[$name]=0
    for need in "${@:3}"; do
        if [[ ${RESULT[$need]:-ok} != ok ]]; then
            RESULT[$name]="left out: $need went wrong"
            return
        fi
    done
    printf '%-12s ' "$name"
    set -m
    (run_step "$name") </dev/null >"$log" 2>&1 &
    STEP_PID=$!
    set +m
    wait "$STEP_PID"
    code=$?
    STEP_PID=
    SECONDS_OF[$name]=$((SECONDS - begun))
    if ((code == 0)); then
        RESULT[$name]=ok
    else
        RESULT[$name]=FAILED
    fi
    echo "${RESULT[$name]} (${SECONDS_OF[$name]} s)"
    if ((code != 0)); then
        tail -n 60 "$log" | sed 's/^/    | /'
        echo "    the whole log: ${log#"$ROOT/"}"
    fi
}

# Prints the table and ends the run: 0 when every step went well, otherwise 1.
summary() {
    local name code=0
    if ((${#NAMES[@]} == 0)); then
        echo "no such step: ${WANTED[*]}" >&2
        exit 2
    fi
    printf '\n%-12s %8s  %s\n' step seconds result
    for name in "${NAMES[@]}"; do
        printf '%-12s %8d  %s\n' "$name" "${SECONDS_OF[$name]}" "${RESULT[$name]}"
        [[ ${RESULT[$name]} == ok ]] || code=1
    done
    echo "seed $PANORA_SEED, $SECONDS s in all"
    exit "$code"
}
