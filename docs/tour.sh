#!/usr/bin/env bash
# The tour of docs/cli.md, written to the standard output: make tour. It ends an environment that is up, and leaves none.
set -u
cd "$(dirname "$0")/.."
export COLUMNS=110 PATH="$PWD/.venv/bin:$PATH"

show() {
  printf '$ %s\n' "$*"
  "$@" 2>&1
  printf '\n'
}

latest() { mlops runs --local --limit 1 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["name"])'; }

mlops local down > /dev/null
show mlops local up --port "${PORT:-4566}"
show mlops start --local --override approval.manual=true
execution=$(latest)
show mlops watch "$execution" --local &
watching=$!
until mlops approve "$execution" --local --reason "the curves look right" > /tmp/approved.$$ 2>&1; do sleep 1; done
wait "$watching"
printf '$ mlops approve %s --local --reason "the curves look right"     # from another terminal\n' "$execution"
cat /tmp/approved.$$ && rm /tmp/approved.$$
echo
show mlops runs --local
show mlops logs "$execution" training --local
show mlops report "$execution" --local --out out/report.html
# The smoke test's record.
mlops try preprocessing --local > /dev/null
cp out/try/preprocessing/outputs/test/smoke.csv out/record.csv
show mlops invoke demo out/record.csv --local
show mlops local status
show mlops local down
