#!/usr/bin/env bash
# Checks protocols under random schedules, with shuttle: all tests called shuttle_*. A failing one prints its schedule.
#
#   ci/shuttle.sh             as it is
#   ci/shuttle.sh long [N]    with debug assertions, and N times (20), each time under other schedules
set -euo pipefail
cd "$(dirname "$0")/.."
source ci/models.sh

if [[ ${1:-} == long ]]; then
    export CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true
    for ((run = 1; run <= ${2:-20}; run++)); do
        echo "shuttle: run $run"
        run_models shuttle
    done
else
    run_models shuttle
fi
