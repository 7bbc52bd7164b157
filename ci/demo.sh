#!/usr/bin/env bash
# Runs the stages of the demo that wait for all answers, shortly, and checks what they print.
#
#   ci/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "error: $*" >&2
    cat "$folder/out" "$folder/err" >&2
    exit 1
}

bookcache() {
    cargo run --quiet --release -p bookcache -- --db "$folder/books.db" "$@" >"$folder/out" 2>"$folder/err"
}

printed() {
    grep -c -- "$1" "$folder/out" || true
}

for stage in sequential waitgroup mutex rwmutex select; do
    bookcache --stage "$stage" --queries 200 --clients 4 --latency 1ms || fail "stage $stage: exit status $?"
    read -r queries hits misses < <(
        sed -n 's/^queries: \([0-9]*\), hits: \([0-9]*\), misses: \([0-9]*\),.*/\1 \2 \3/p' "$folder/out"
    ) || fail "stage $stage: there is no summary"
    echo "$stage: $queries queries, $hits hits, $misses misses"
    ((queries == 200 && hits + misses == queries)) || fail "stage $stage: the numbers do not add up"
    case $stage in
    sequential | select)
        # In the other stages the cache and the database both answer.
        (($(printed '^from cache$') == hits)) || fail "stage $stage: not every hit was printed"
        (($(printed '^from database$') == misses)) || fail "stage $stage: not every miss was printed"
        ;;
    esac
    # In the lesson, goroutines have no cache before there is a mutex.
    [[ $stage == waitgroup ]] || ((hits > 0)) || fail "stage $stage: the cache was never hit"
done

status=0
bookcache --no-such-flag || status=$?
((status == 2)) || fail "a flag that does not exist: exit status $status, not 2"
(($(wc -l <"$folder/err") == 1)) || fail 'a flag that does not exist: not one line on stderr'
echo 'a wrong flag: refused'
