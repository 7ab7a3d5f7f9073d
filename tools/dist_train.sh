#!/usr/bin/env bash
# Trains with several processes: one per GPU, or, on a machine without GPUs, on the CPU over gloo.
#
#   bash tools/dist_train.sh CONFIG PROCESSES [arguments of tools/train.py ..]
#
# Environment variables: NNODES, NODE_RANK, MASTER_ADDR, PORT for several machines (one machine finds a free port by
# itself); PYTHON, the interpreter; OMP_NUM_THREADS, threads a process (without GPUs: the cores shared out).
set -euo pipefail
if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
fi
CONFIG=$1
PROCESSES=$2
shift 2
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
source "$HERE/misc/launch.sh"
launch "$PROCESSES" "$HERE/train.py" "$CONFIG" --launcher pytorch "$@"
