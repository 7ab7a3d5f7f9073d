#!/usr/bin/env bash
# Fresh machine to a green test suite: the environment, then every test this machine can run, slow ones and lint too.
#
#   bash tools/run_tests.sh [PYTEST ARGUMENT ...]      e.g. tests/test_models, or -k normalise
#
# Environment variables: those of setup_env.sh and install_pose.sh; UNISIGN_POSE=0, which leaves the pose extra out (its
# mmcv takes ten minutes to compile the first time; tests that need it are skipped and say so); UNISIGN_SHARED, the folder
# with golden numbers and small real data (default: ../shared where that exists; without it those tests are skipped and
# say so); UNISIGN_CHROMIUM, the browser for tests of the web page, 0 for none (see install_chromium.sh);
# UNISIGN_TEST_WORKERS, how many tests run at a time (default: one per core, at most 4).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${UNISIGN_POSE:-1}" = 0 ]; then
    bash tools/setup_env.sh test video demo report lora onnx
else
    bash tools/setup_env.sh test video demo report lora onnx pose
    bash tools/install_pose.sh
fi
bash tools/install_chromium.sh
PY="${UNISIGN_VENV:-.venv}/bin/python"
if [ -z "${UNISIGN_SHARED:-}" ] && [ -d ../shared ]; then
    UNISIGN_SHARED="$(cd ../shared && pwd)"
    export UNISIGN_SHARED
fi
cores="$("$PY" -c 'import os; print(min(4, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()))')"
workers="${UNISIGN_TEST_WORKERS:-$cores}"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1
echo "pytest, $workers tests at a time; golden numbers and real data: ${UNISIGN_SHARED:-none, tests that need them are skipped}"
exec "$PY" -m pytest -m 'slow or not slow' -n "$workers" --dist worksteal --durations 15 "$@"
