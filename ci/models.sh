# Sourced by loom.sh and shuttle.sh.

# Builds every test called $1_* with --cfg $1, optimized, in a target folder of its own, and runs it.
#
# Without the cfg such a test is an empty program, which succeeds. So at least one test has to have run.
run_models() {
    local checker=$1 suite crate output
    for suite in */tests/"$checker"_*.rs; do
        crate=gocsp-${suite%%/*}
        suite=$(basename "$suite" .rs)
        echo "$checker: $crate, $suite"
        output=$(
            RUSTFLAGS="${RUSTFLAGS:-} --cfg $checker" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$checker" \
                timeout --kill-after=10 3600 cargo test --quiet --release -p "$crate" --test "$suite" 2>&1
        ) || {
            echo "$output"
            echo "error: $suite of $crate failed" >&2
            return 1
        }
        grep '^test result: ok\. [1-9]' <<<"$output" || {
            echo "$output"
            echo "error: $suite of $crate ran no test" >&2
            return 1
        }
    done
}
