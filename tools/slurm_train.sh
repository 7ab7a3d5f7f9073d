#!/usr/bin/env bash
# Trains on a Slurm cluster, one task a GPU.
#
#   bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG [arguments of tools/train.py ..]
#
# Environment variables: GPUS (default 4), GPUS_PER_NODE (default 4; 0 runs on CPUs over gloo), CPUS_PER_TASK (default
# 8), PORT (default 29500), SRUN_ARGS (further arguments of srun), PYTHON (default python).
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
shift 3
GPUS=${GPUS:-4}
GPUS_PER_NODE=${GPUS_PER_NODE:-4}
TASKS_PER_NODE=$((GPUS_PER_NODE > 0 ? (GPUS < GPUS_PER_NODE ? GPUS : GPUS_PER_NODE) : GPUS))
GRES=()
if [ "$GPUS_PER_NODE" -gt 0 ]; then
    GRES=(--gres="gpu:$TASKS_PER_NODE")
fi
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export PYTHONPATH="$HERE/..${PYTHONPATH:+:$PYTHONPATH}" MASTER_PORT="${PORT:-29500}"
# shellcheck disable=SC2086 # SRUN_ARGS holds several words
exec srun --partition "$PARTITION" --job-name "$JOB_NAME" "${GRES[@]}" --ntasks "$GPUS" \
    --ntasks-per-node "$TASKS_PER_NODE" --cpus-per-task "${CPUS_PER_TASK:-8}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$HERE/train.py" "$CONFIG" --launcher slurm "$@"
