# Sourced by loom.sh and shuttle.sh.

# Runs every model for the checker $1: the tests of the files called $1_*.rs, and of the modules called *_$1.rs.
run_models() {
    local checker=$1 file crate
    for file in */tests/"$checker"_*.rs; do
        run_model "$checker" "gocsp-${file%%/*}" --test "$(basename "$file" .rs)"
    done
    # Tests of a module are found by the name of the checker, which is in their path.
    for crate in $(find ./*/src -name "*_$checker.rs" | cut -d/ -f2 | sort -u); do
        run_model "$checker" "gocsp-$crate" --lib "$checker"
    done
}

# Builds tests of crate $2 with --cfg $1, optimized, without warnings, in a target folder of their own, and runs them.
#
# Without the cfg there are no such tests, and nothing fails. So at least one has to have run.
run_model() {
    local checker=$1 crate=$2 output
    shift 2
    echo "$checker: $crate $*"
    output=$(
        RUSTFLAGS="${RUSTFLAGS:-} --cfg $checker -D warnings" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/$checker" \
            timeout --kill-after=10 3600 cargo test --quiet --release -p "$crate" "$@" 2>&1
    ) || {
        echo "$output"
        echo "error: $crate $* failed" >&2
        return 1
    }
    grep '^test result: ok\. [1-9]' <<<"$output" || {
        echo "$output"
        echo "error: $crate $* ran no test" >&2
        return 1
    }
}
