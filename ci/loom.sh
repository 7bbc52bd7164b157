#!/usr/bin/env bash
# Checks the memory orderings of small parts in every interleaving, with loom: all tests called loom_*.
#
#   ci/loom.sh          as it is
#   ci/loom.sh long     once more with debug assertions, which makes it several times as long
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/models.sh

run_models loom
if [[ ${1:-} == long ]]; then
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true run_models loom
fi
