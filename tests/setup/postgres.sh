# A PostgreSQL cluster for one step: made in the temporary folder, on a free port, gone when the step ends.
# Never touches a cluster that is already there.

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# PostgreSQL refuses to run as root: there its programs run as the user that Debian's package made.
as_postgres() {
    if ((EUID == 0)); then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

# Sets POSTGRES_URL, and PANORA_TEST_POSTGRES_BIN for tests that make a cluster to restart. No fsync and no full pages:
# nothing in this cluster outlives the step.
start_postgres() {
    local programs port options
    programs=$(postgres_programs)
    port=$(free_port)
    options="-p $port -h 127.0.0.1 -k '' -c max_connections=300"
    options+=" -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    CLUSTER=$WORK/postgres
    mkdir "$CLUSTER"
    if ((EUID == 0)); then chown postgres "$CLUSTER"; fi
    as_postgres "$programs/initdb" -D "$CLUSTER/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
    CLEANUP+=(stop_postgres)
    as_postgres "$programs/pg_ctl" start -w -t 60 -D "$CLUSTER/data" -l "$CLUSTER/log" -o "$options"
    POSTGRES_URL=postgres://postgres@127.0.0.1:$port/postgres
    export PANORA_TEST_POSTGRES_BIN=$programs
}

# pg_ctl ends the process whose id this cluster's own pid file names.
stop_postgres() {
    as_postgres "$(postgres_programs)/pg_ctl" stop -m immediate -w -D "$CLUSTER/data"
    rm -rf "$CLUSTER"
}
