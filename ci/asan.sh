#!/usr/bin/env bash
# Checks the use of memory with AddressSanitizer: use after free, beyond an end, and of what has left its scope, on the stacks of
# goroutines as well as elsewhere. Without leaks, which a test of memory looks for.
#
#   ci/asan.sh            planted bugs, which have to be found; then the tests of the library, but for those that measure
#                         memory or time, or end their process
#   ci/asan.sh short      the planted bugs, and a few tests
#
# Needs x86-64 or aarch64 Linux. The compiler's option is not stable, so it has to be told that it is meant.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/sanitizers.sh

target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=address'
# One test asks for more memory than there is. And what detects the use of variables after return takes memory for every goroutine
# for ever.
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1
build=(--target "$target" --features gocsp-runtime/asan)

planted a_use_after_free 'AddressSanitizer: heap-use-after-free'
planted a_read_beyond_the_end 'AddressSanitizer: stack-buffer-overflow'
planted a_use_after_scope 'AddressSanitizer: stack-use-after-scope'
planted no_wrong_use_of_memory

tests=(-p gocsp --test go_channels --test go_goroutines --test go_context --test goroutine_local)
tests+=(-p gocsp-runtime --test poll)
if [[ ${1:-} != short ]]; then
    tests+=(-p gocsp-channels -p gocsp-select -p gocsp-context -p gocsp-sync -p gocsp-net --lib)
    tests+=(--test 'go_*' --test guards --test lock_api --test stress --test regressions --test shutdown)
    tests+=(--test block_on --test tasks --test tokio)
    # Of the sockets.
    tests+=(--test chunks --test closing --test connecting --test contexts --test crates --test datagrams --test descriptors)
    tests+=(--test lifecycle --test limits --test no_runtime --test streams --test unix)
fi
timeout --kill-after=10 3600 cargo test --no-fail-fast "${build[@]}" "${tests[@]}"
