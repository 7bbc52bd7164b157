#!/usr/bin/env bash
# Looks for data races with ThreadSanitizer: two accesses of which nothing says which comes first, at least one of them a write.
#
#   ci/tsan.sh            a planted race, which has to be found; then the tests of the library, but for those that measure
#                         memory or time, or end their process
#   ci/tsan.sh short      the planted race, and a few tests
#
# Needs x86-64 or aarch64 Linux. The compiler's option is not stable, so it has to be told that it is meant; and that the
# standard library, which was not compiled with it, is to be used all the same. See docs/sanitizers.md for what that entails.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/sanitizers.sh

target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer'
# One test asks for more memory than there is.
export TSAN_OPTIONS="allocator_may_return_null=1:suppressions=$PWD/ci/tsan.supp"
build=(--target "$target")

planted a_race 'ThreadSanitizer: data race'
planted no_race_with_a_channel
planted no_race_with_a_mutex

tests=(-p gocsp --test go_channels --test go_context --test goroutine_local --test runtime)
tests+=(-p gocsp-runtime --test poll)
# These rely on how long something takes.
skipped=(--skip ten_thousand_children_are_cancelled_in_less_than_ten_milliseconds)
skipped+=(--skip those_who_sleep_until_the_same_moment_wake_in_the_order_in_which_they_fell_asleep)
skipped+=(--skip yield_now_lets_every_other_ready_goroutine_run_first)
if [[ ${1:-} != short ]]; then
    tests+=(-p gocsp-channels -p gocsp-select -p gocsp-context -p gocsp-sync -p gocsp-net --lib)
    # Not the tests of channels on threads, which rely on the end of `thread::scope`.
    tests+=(--test 'go_*' --test contexts --test guards --test handles --test lifecycle --test lock_api)
    tests+=(--test stress --test regressions --test shutdown)
    # Of the sockets; not `crates`, where rustls relies on locks of std's.
    tests+=(--test chunks --test closing --test connecting --test datagrams --test descriptors --test limits --test no_runtime)
    tests+=(--test streams --test unix)
fi
timeout --kill-after=10 3600 cargo test --no-fail-fast "${build[@]}" "${tests[@]}" -- "${skipped[@]}"
