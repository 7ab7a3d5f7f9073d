#!/usr/bin/env bash
# Tests a checkpoint with several processes: one per GPU, or, on a machine without GPUs, on the CPU over gloo.
#
#   bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [arguments of tools/test.py ..]
#
# Environment variables: as for dist_train.sh.
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 2
fi
CONFIG=$1
CHECKPOINT=$2
PROCESSES=$3
shift 3
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$HERE/misc/launch.sh"
launch "$PROCESSES" "$HERE/test.py" "$CONFIG" "$CHECKPOINT" --launcher pytorch "$@"
