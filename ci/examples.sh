#!/usr/bin/env bash
# Runs the programs of examples/ under chosen schedules, a thousand each: nobody panics, waits for ever, or is left behind, whoever
# goes first. What they print is compared elsewhere, by tests/examples.rs.
set -euo pipefail
cd "$(dirname "$0")/.."

# One waits for its standard input, and one has a server that is there until the program ends. Two end in a deadlock without any
# other schedule. One has an argument, one a million goroutines, and one works until a time by the system's clock, which goes on
# while that of a schedule stands still.
left_out=' daemon echo nil_channel once_deadlock rwmutex_table pool_calculators starvation '

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<END
[package]
name = "examples"
edition = "2024"

[dependencies]
gocsp = { path = "$PWD", features = ["testing"] }

[workspace]
END
cp Cargo.lock "$folder"
echo '#![cfg(test)]' >"$folder/src/lib.rs"
for program in examples/*.rs; do
    name=$(basename "$program" .rs)
    [[ $left_out != *" $name "* ]] || continue
    sed 's/^#\[gocsp::main\]$/#[gocsp::test(check)]/' "$program" >"$folder/src/$name.rs"
    echo "mod $name;" >>"$folder/src/lib.rs"
done

run() {
    timeout --kill-after=10 300 cargo test --quiet --manifest-path "$folder/Cargo.toml" --target-dir target -- "$@" \
        >"$folder/out" 2>&1
}

if run deadlock; then
    echo 'error: two locks in opposite order were taken without a deadlock' >&2
    exit 1
fi
grep -q 'all goroutines are asleep - deadlock!' "$folder/out" || { cat "$folder/out" >&2; exit 1; }
run --skip deadlock::main || { cat "$folder/out" >&2; exit 1; }
grep -m 1 '^test result' "$folder/out"
