#!/usr/bin/env bash
# Checks the use of memory with AddressSanitizer: use after free, beyond an end, and of what has left its scope, on the stacks of
# goroutines as well as elsewhere. Without leaks, which a test of memory looks for.
#
#   ci/asan.sh            the tests of the library, but for those that measure memory or end their process
#   ci/asan.sh ARGS       cargo test's arguments, in place of these
#
# Needs x86-64 or aarch64 Linux. The compiler's option is not stable, so it has to be told that it is meant.
set -euo pipefail
cd "$(dirname "$0")/.."

target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS='-Zsanitizer=address' CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
# One test asks for more memory than there is.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1

if (($# == 0)); then
    set -- -p gocsp-runtime -p gocsp-channels -p gocsp-select -p gocsp-context -p gocsp-sync -p gocsp --lib \
        --test 'go_*' --test 'guards' --test stress --test regressions --test shutdown --test goroutine_local
fi
timeout --kill-after=10 3600 cargo test --no-fail-fast --target "$target" --features gocsp-runtime/sanitizer "$@"
