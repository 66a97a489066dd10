# A Panora server for one step: SQLite in the temporary folder, a free port, gone when the step ends.

# Sets SERVER_URL and SERVER_KEY.
start_server() {
    local port try
    port=$(free_port)
    SERVER_URL=http://127.0.0.1:$port
    SERVER_KEY=test_$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    PANORA_BIND=127.0.0.1:$port PANORA_PUBLIC_URL=$SERVER_URL PANORA_DATA_DIR=$WORK/server \
        PANORA_BOOTSTRAP_API_KEY=$SERVER_KEY "$PANORA_BIN" serve >"$LOGS/server.log" 2>&1 &
    SERVER_PID=$!
    CLEANUP+=(stop_server)
    for try in {1..150}; do
        if answers "$SERVER_URL/ready"; then return; fi
        kill -0 "$SERVER_PID" 2>/dev/null || break
        sleep 0.2
    done
    echo "the server did not become ready ($try tries); its log ends:"
    tail -n 30 "$LOGS/server.log"
    return 1
}

answers() { python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)' "$1" 2>/dev/null; }

stop_server() {
    kill -TERM "$SERVER_PID"
    wait "$SERVER_PID"
}
