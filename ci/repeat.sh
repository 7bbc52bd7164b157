#!/usr/bin/env bash
# Runs all tests again and again, to find those that fail now and then.
#
#   ci/repeat.sh [N [M]]    N times (30), of which M (10) with the whole process pinned to one processor
#
# A failing run does not end it. Its output is kept, and the exit status is 1 in the end.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-30}
pinned=${2:-10}
((pinned <= runs)) || { echo "error: $pinned of $runs runs cannot be pinned" >&2; exit 2; }

logs=$(mktemp -d "${TMPDIR:-/tmp}/gocsp-repeat.XXXXXX")
failed=0

cargo test --workspace --no-run
for ((run = 1; run <= runs; run++)); do
    pin=()
    where='all processors'
    # The pinned ones come in between, as evenly as they go.
    if ((run * pinned / runs > (run - 1) * pinned / runs)); then
        pin=(taskset -c 0)
        where='one processor'
    fi
    log=$logs/$run.log
    start=$SECONDS
    if timeout --kill-after=10 900 "${pin[@]}" cargo test --workspace >"$log" 2>&1; then
        echo "run $run of $runs, on $where: ok, $((SECONDS - start)) s"
        rm "$log"
    else
        echo "run $run of $runs, on $where: FAILED after $((SECONDS - start)) s, see $log"
        grep -E '^test .* FAILED$|panicked at|timed out' "$log" | head -20 || true
        failed=$((failed + 1))
    fi
done

rmdir "$logs" 2>/dev/null || true
echo "$runs runs, $pinned of them on one processor: $failed failed"
((failed == 0))
