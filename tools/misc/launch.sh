# Sourced by dist_train.sh and dist_test.sh: starts a script in several processes with torchrun.

find_python() { # an activated environment, else the checkout's own, else what the system calls python3
    local root
    root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
    if [ -n "${PYTHON:-}" ]; then
        echo "$PYTHON"
    elif [ -z "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && [ -x "${UNISIGN_VENV:-$root/.venv}/bin/python" ]; then
        echo "${UNISIGN_VENV:-$root/.venv}/bin/python"
    elif command -v python >/dev/null; then
        echo python
    else
        echo python3
    fi
}

launch() { # PROCESSES SCRIPT ARGUMENT ..
    local processes=$1 root python cores
    shift
    case "$processes" in
        '' | *[!0-9]* | 0)
            echo "the number of processes (GPUs) must be a positive number, got '$processes'" >&2
            exit 2
            ;;
    esac
    root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
    python="$(find_python)"
    export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
    if [ -z "${OMP_NUM_THREADS:-}" ] && ! command -v nvidia-smi >/dev/null; then
        cores="$(nproc 2>/dev/null || echo 1)"
        export OMP_NUM_THREADS=$((cores > processes ? cores / processes : 1))
    fi
    if [ "${NNODES:-1}" -gt 1 ]; then
        exec "$python" -m torch.distributed.run --nnodes "$NNODES" --node-rank "${NODE_RANK:?}" \
            --master-addr "${MASTER_ADDR:?}" --master-port "${PORT:-29500}" --nproc-per-node "$processes" "$@"
    fi
    exec "$python" -m torch.distributed.run --nnodes 1 --rdzv-backend c10d \
        --rdzv-endpoint "${MASTER_ADDR:-127.0.0.1}:${PORT:-0}" --nproc-per-node "$processes" "$@"
}
