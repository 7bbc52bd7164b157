#!/usr/bin/env bash
# Kills the demo at random moments, while it fills or reads its database. Every next start has to work, and to find all books.
#
#   ci/kill.sh [RUNS [SEED]]    200 kills, unless told otherwise; the same seed draws the same moments
#
# In two of three runs there is no database yet. What a kill has hit is told by what it has left: nothing, a file that is being
# filled, a database, or one that has been read from. If the moments of 100 runs or more hardly ever hit the two that matter,
# that is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-200}
seed=${2:-$((RANDOM * 32768 + RANDOM))}
[[ $runs =~ ^[1-9][0-9]{0,5}$ && $seed =~ ^[0-9]{1,10}$ ]] || {
    echo "error: expected the number of kills, from 1 on, and perhaps a seed, not \"$*\"" >&2
    exit 2
}
RANDOM=$seed
echo "seed: $seed"

target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release -p bookcache
bookcache=$(realpath "$target/release/bookcache")
# Not in /tmp, which may lie in memory, where a file is filled in no time.
folder=$(mktemp -d "$target/kill.XXXXXX")
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "error: $* (seed $seed)" >&2
    ls -la "$place" >&2
    cat "$place/out" "$place/err" >&2
    exit 1
}

# Asks for all books, in the order that the seed gives, and shows what was found: all but the times.
all_books() {
    "$bookcache" --db "$place/books.db" --stage sequential --queries 100 --latency 0 --seed 1 \
        >"$place/out" 2>"$place/err" && sed '/^elapsed: /d' "$place/out"
}

# Sets `moment` to a random time of up to $1 microseconds, in seconds.
draw_moment() {
    printf -v moment '%d.%06d' 0 $(((RANDOM * 32768 + RANDOM) % $1))
}

place=$folder/first
mkdir "$place"
expected=$(all_books) || fail 'the demo does not work'
(($(grep '^{' <<<"$expected" | sort -u | wc -l) == 10)) || fail 'there are not ten books'

# How many microseconds it takes to make a database: the median of a few times.
times=()
for try in 1 2 3 4 5 6 7; do
    start=$EPOCHREALTIME
    "$bookcache" --db "$folder/$try.db" --queries 0 >/dev/null
    times+=($((${EPOCHREALTIME/./} - ${start/./})))
done
usual=$(printf '%s\n' "${times[@]}" | sort -n | sed -n 4p)

declare -A hit=([starting]=0 [filling]=0 [opening]=0 [reading]=0)
for ((run = 1; run <= runs; run++)); do
    # Every third run goes on with the database of the one before.
    if ((run % 3)); then
        place=$folder/run$run
        mkdir "$place"
        draw_moment $((usual * 5 / 4))
    else
        draw_moment $((usual * 2))
    fi
    status=0
    # The braces: the shell itself would say that somebody was killed.
    {
        timeout --signal=KILL "$moment" "$bookcache" --db "$place/books.db" --stage sequential --queries 1000000000 \
            --latency 0 >"$place/out" 2>"$place/err" || status=$?
    } 2>/dev/null
    ((status == 137)) || fail "run $run: it was not killed after $moment s, but ended with exit status $status"

    if [[ -s $place/out ]]; then
        hit[reading]=$((hit[reading] + 1))
    elif [[ -e $place/books.db ]]; then
        hit[opening]=$((hit[opening] + 1))
    elif compgen -G "$place/.bookcache-*" >/dev/null; then
        hit[filling]=$((hit[filling] + 1))
    else
        hit[starting]=$((hit[starting] + 1))
    fi

    found=$(all_books) || fail "run $run, killed after $moment s: the next start does not work"
    [[ $found == "$expected" ]] || fail "run $run, killed after $moment s: the next start does not find all books"
    [[ ! -s $place/err ]] || fail "run $run, killed after $moment s: the next start complains"
done

echo "$runs kills: ${hit[filling]} while it filled its database, ${hit[reading]} while it read, ${hit[opening]} while it" \
    "opened one, ${hit[starting]} before; every next start found all books"
((runs < 100 || hit[filling] * 20 >= runs && hit[reading] * 20 >= runs)) || fail 'too few kills hit the filling or the reading'
