#!/usr/bin/env bash
# By which calls goroutines came to where they wait: with frame pointers, and that nothing goes wrong without. See tests/backtrace.rs.
set -euo pipefail
cd "$(dirname "$0")/.."

tests=(--features backtrace -p gocsp-runtime -p gocsp --lib --test backtrace)
timeout --kill-after=10 1800 cargo test "${tests[@]}"
# Optimized, where most functions are inlined, and with all debug information, which names those.
RUSTFLAGS="${RUSTFLAGS:-} -Cforce-frame-pointers=yes" CARGO_PROFILE_RELEASE_DEBUG=full \
    CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/frame-pointers" \
    timeout --kill-after=10 1800 cargo test --release "${tests[@]}"
