# What the tests need from the machine: looks for it, installs it on Debian, and sets the environment of every step.
# Never touches anything but packages, a cache folder and a temporary folder of its own.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/panora-tests

has() { command -v "$1" >/dev/null 2>&1; }
has_nextest() { cargo nextest --version >/dev/null 2>&1; }

# The folder of PostgreSQL's programs. Debian keeps them out of PATH, a folder for each version.
postgres_programs() {
    local folder
    folder=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
    if [[ -n $folder ]]; then echo "$folder"; elif has initdb; then dirname "$(command -v initdb)"; fi
}

chromium_program() {
    local name
    for name in "${PANORA_CHROMIUM:-}" chromium chromium-browser google-chrome-stable google-chrome; do
        if [[ -n $name ]] && has "$name"; then command -v "$name"; return; fi
    done
}

# Debian packages that this machine lacks, one a line.
missing_packages() {
    [[ -n $(postgres_programs) ]] || echo postgresql
    [[ -n $(chromium_program) ]] || echo chromium
    has cc || echo build-essential
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
}

install_packages() {
    local try
    for try in 1 2 3; do
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" && return
        echo "apt-get failed (try $try of 3)" >&2
        sleep $((try * 5))
    done
    return 1
}

# Stops the run, naming everything that is missing, when it cannot be mended here.
prepare_machine() {
    local tool missing=()
    for tool in cargo node npm python3; do has "$tool" || missing+=("$tool"); done
    if ((${#missing[@]})); then
        echo "Missing, please install: ${missing[*]}" >&2
        exit 2
    fi
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if [[ ! -f /etc/debian_version ]] || ! has apt-get; then
        echo "Missing, please install (Debian's names): ${missing[*]}" >&2
        exit 2
    elif ((EUID != 0)); then
        echo "Missing, please run: sudo apt-get install -y ${missing[*]}" >&2
        exit 2
    fi
    echo "Installing ${missing[*]}"
    mkdir -p "$ROOT/tests-output/logs"
    if ! install_packages "${missing[@]}" >"$ROOT/tests-output/logs/apt.log" 2>&1; then
        tail -n 30 "$ROOT/tests-output/logs/apt.log" >&2
        exit 2
    fi
}

# The same environment for everybody: a developer's own settings of the server must not reach the tests.
prepare_environment() {
    local name seed=${PANORA_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
    PANORA_CHROMIUM=$(chromium_program)
    for name in "${!PANORA_@}"; do [[ $name == PANORA_CHROMIUM ]] || unset "$name"; done
    unset DATABASE_URL
    CARGO_TARGET_DIR=$(cargo metadata --format-version 1 --no-deps --offline 2>/dev/null |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    PANORA_BIN=$CARGO_TARGET_DIR/debug/panora
    PANORA_SEED=$seed
    PROPTEST_RNG_SEED=$seed
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
    export PANORA_CHROMIUM CARGO_TARGET_DIR PANORA_BIN PANORA_SEED PROPTEST_RNG_SEED PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD
    if ((FULL)); then export PANORA_TEST_FULL=1 PROPTEST_CASES=5000; fi
}

# Puts a virtual environment with the packages of tests/python/requirements.txt first in PATH; made once, then kept.
use_python_packages() {
    local wanted="$ROOT/tests/python/requirements.txt" folder
    folder=$CACHE/python-$( (python3 --version; cat "$wanted") | sha256sum | cut -c 1-16)
    if [[ ! -f $folder/complete ]]; then
        rm -rf "$folder"
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 5 -r "$wanted"
        touch "$folder/complete"
    fi
    export PATH="$folder/bin:$PATH" PYTHONDONTWRITEBYTECODE=1
}
