#!/bin/sh
# Runs a command while a lab runs beside it: with-lab.sh LAB.toml COMMAND [ARGUMENT...]
# The command has the addresses in KPD1, KPD2 and WEB, and the ready line in the file READY. Its exit code is the job's.
# The lab has free ports, and its tables in a folder of its own, so that such jobs of one machine do not meet.
set -u
lab=$1
shift
folder=$(mktemp -d)
READY=$folder/ready.json
sorm-mediator lab "$lab" --auto-ports --ready-file "$READY" \
    --set mediator.state="$folder/state.db" --set mediator.journal="$folder/journal.db" \
    --set switch.host_key_file="$folder/host_key" >"$folder/log" 2>&1 &
running=$!
trap 'kill "$running" 2>/dev/null; wait "$running"; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
until [ -e "$READY" ]; do
    if ! kill -0 "$running" 2>/dev/null; then
        cat "$folder/log" >&2
        exit 2
    fi
    sleep 0.1
done
endpoint() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["endpoints"].get(sys.argv[2], ""))' "$READY" "$1"
}
KPD1=$(endpoint kpd1) KPD2=$(endpoint kpd2) WEB=http://$(endpoint web)
export READY KPD1 KPD2 WEB
"$@"
