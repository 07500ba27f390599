#!/bin/sh
# Runs a command while a lab runs beside it: with-lab.sh LAB.toml COMMAND [ARGUMENT...]
# The command has the addresses in KPD1, KPD2 and WEB, and the ready line in the file READY. Its exit code is the job's.
# The lab has free ports, and its tables in a folder of its own, so that such jobs of one machine do not meet.
# LAB_LOG=FILE keeps the log of the lab. SIGTERM, SIGINT and SIGHUP end the command, all it has started, and the lab at once.
# Exit code 2: the lab did not start; 3: it ended during the command.
set -u
if [ $# -lt 2 ]; then
    echo "usage: with-lab.sh LAB.toml COMMAND [ARGUMENT...]" >&2
    exit 2
fi
lab=$1
shift
folder=$(mktemp -d)
READY=$folder/ready.json
log=${LAB_LOG:-$folder/log}
job=
running=
finish() {
    [ -z "$job" ] || kill -- "-$job" 2>/dev/null # the whole group of the command
    [ -z "$running" ] || kill "$running" 2>/dev/null
    wait
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
sorm-mediator lab "$lab" --auto-ports --ready-file "$READY" \
    --set mediator.state="$folder/state.db" --set mediator.journal="$folder/journal.db" \
    --set switch.host_key_file="$folder/host_key" >"$log" 2>&1 &
running=$!
until [ -e "$READY" ]; do
    if ! kill -0 "$running" 2>/dev/null; then
        cat "$log" >&2
        exit 2
    fi
    sleep 0.1
done
endpoint() {
    python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["endpoints"].get(sys.argv[2], ""))' "$READY" "$1"
}
KPD1=$(endpoint kpd1) KPD2=$(endpoint kpd2) WEB=http://$(endpoint web)
export READY KPD1 KPD2 WEB
exec 3<&0
setsid "$@" <&3 3<&- & # in the background, since a shell acts on a signal only when a command in the foreground has ended
job=$!
wait "$job"
code=$?
job=
ended=0
[ -e "$READY" ] || ended=1 # a lab that ends takes the file away
kill "$running" 2>/dev/null
wait "$running" || ended=1
running=
if [ "$ended" -ne 0 ]; then
    cat "$log" >&2
    echo "with-lab.sh: the lab ended during the command, which ended with $code" >&2
    [ "$code" -ne 0 ] || code=3
fi
exit "$code"
