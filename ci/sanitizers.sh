# Sourced by asan.sh and tsan.sh, which set `build`: the options of every cargo command.

# One folder for both: what runs while others are built, as procedural macros do, is built without a sanitizer, and once. Not
# that of the other checks, for some of it is built anew when the compiler is told to have options that are not stable.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitizers"

# Checks that a planted bug is found: the program $1 of tests/planted.rs has to fail with the report $2. Without $2 it is a
# program without a bug, and has to succeed.
planted() {
    local name=$1 report=${2:-} output status=0
    output=$(
        timeout --kill-after=10 600 cargo test --quiet "${build[@]}" -p gocsp --test planted -- --ignored --exact "$name" 2>&1
    ) || status=$?
    if [[ $output == *'running 1 test'* ]]; then
        if [[ -n $report && $status != 0 && $output == *"$report"* ]]; then
            echo "planted: $name is found"
            return
        elif [[ -z $report && $status == 0 ]]; then
            echo "planted: $name is left alone"
            return
        fi
    fi
    echo "$output"
    echo "error: the planted program $name has ended with status $status; expected: ${report:-no report}" >&2
    return 1
}
