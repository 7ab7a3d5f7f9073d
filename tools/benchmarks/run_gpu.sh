#!/usr/bin/env bash
# Measures on a GPU what docs/benchmarks.md measures on a CPU, in well under ten minutes on an H200:
#
#   bash tools/benchmarks/run_gpu.sh FOLDER [arguments for each of its benchmarks ..]
#
# FOLDER gets a JSON file and the printed table of each. A benchmark that fails, or takes longer than its limit, does not
# stop the others; the exit code tells. Environment variables: PYTHON, the interpreter; LIMIT, seconds a
# benchmark (180, compiled 300); MATRIX, width of the product that gives the rate (8192); STEPS, training steps that are
# timed (10); COMPILE, backend of torch.compile (inductor; empty: not compiled).
set -uo pipefail
if [ $# -lt 1 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0"
    exit 2
fi
out=$1
shift
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export PYTHONPATH="$here/../..${PYTHONPATH:+:$PYTHONPATH}" HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
mkdir -p "$out"
failed=0

measure() {
    local name=$1 script=$2
    shift 2
    echo "== $name"
    timeout "${LIMIT:-180}" "${PYTHON:-python}" "$here/$script" --json "$out/$name.json" "$@" 2>&1 | tee "$out/$name.txt" || failed=1
}

whole='--layers 12 --frames 256 --rounds 2'
measure training_pose bench_training_step.py $whole --batch 16 --steps "${STEPS:-10}" --matrix "${MATRIX:-8192}" "$@"
measure training_rgb bench_training_step.py $whole --batch 4 --rgb --steps "${STEPS:-10}" --matrix "${MATRIX:-8192}" "$@"
measure evaluation bench_evaluation.py $whole --batch 16 --matrix "${MATRIX:-8192}" "$@"
measure generation bench_generation.py $whole --batch 16 --matrix "${MATRIX:-8192}" "$@"
measure generation_signs bench_generation.py $whole --batch 16 --task islr --matrix "${MATRIX:-8192}" "$@"
backend=${COMPILE-inductor}
if [ -n "$backend" ]; then
    LIMIT=${LIMIT:-300} measure training_compiled bench_training_step.py $whole --batch 16 --steps "${STEPS:-10}" \
        --matrix "${MATRIX:-8192}" --compile "$backend" "$@"
fi
exit $failed
