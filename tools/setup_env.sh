#!/usr/bin/env bash
# Makes the virtual environment that the other scripts use, and installs unisign (editable) and what it needs into it.
#
#   bash tools/setup_env.sh [EXTRA ...]      extras of setup.cfg beside rgb: test, dev, pose, demo, ...
#
# A second run finds that nothing changed and returns at once. Environment variables:
#   UNISIGN_VENV     where the environment lies (default: .venv in the checkout)
#   UNISIGN_PYTHON   the Python 3.11 or 3.12 to make it with (default: the first one found)
set -euo pipefail

source "$(dirname "${BASH_SOURCE[0]}")/misc/virtual_env.sh"
EXTRAS=(rgb "$@")

# True if $1 is a Python that runs and has the right version; with $2 also that module.
right_python() { "$1" -c "import sys, ${2:-sys}; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))" >/dev/null 2>&1; }

# Every Python that may be on this machine, one a line. Names on PATH may be shims that do not run, so pyenv's and
# conda's own folders are listed too.
python_candidates() {
    if [ -n "${UNISIGN_PYTHON:-}" ]; then
        echo "$UNISIGN_PYTHON"
        return
    fi
    local name
    for name in python3.11 python3.12 python3 python; do type -aP "$name" || true; done
    ls -1 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[12].*/bin/python 2>/dev/null || true
    [ -z "${CONDA_PREFIX:-}" ] || echo "$CONDA_PREFIX/bin/python"
}

# Prints the Python to use: one that can make a whole environment (ensurepip) before one that has only pip.
find_python() {
    local module candidate
    for module in ensurepip pip; do
        while read -r candidate; do
            if right_python "$candidate" "venv, $module"; then
                echo "$candidate $module"
                return
            fi
        done < <(python_candidates)
    done
    return 1
}

make_venv() {
    local found python module
    if [ -e "$VENV" ] && [ ! -e "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
        die "$VENV exists and is no virtual environment. Move it away, or name another place with UNISIGN_VENV."
    fi
    found="$(find_python)" || die "no usable Python ${UNISIGN_PYTHON:+at UNISIGN_PYTHON=$UNISIGN_PYTHON }found: 3.11 or 3.12 with
the modules venv and pip is needed (on Debian and Ubuntu: apt-get install python3 python3-venv python3-pip).
If you have one elsewhere, name it: UNISIGN_PYTHON=/path/to/python3.11 bash ${0##*/}"
    python="${found% *}" module="${found##* }"
    say "making $VENV with $("$python" --version 2>&1) ($python)"
    if [ "$module" = ensurepip ]; then
        "$python" -m venv --clear "$VENV"
    else
        "$python" -m venv --clear --without-pip "$VENV"
        "$python" -m pip --python "$PY" install --quiet pip
    fi
}

main() {
    local extra extras wanted missing=()
    wanted="$(requirements_sum) $REPO"
    right_python "$PY" pip || make_venv
    for extra in runtime ${EXTRAS[@]+"${EXTRAS[@]}"}; do
        [ "$(cat "$STAMPS/$extra" 2>/dev/null)" = "$wanted" ] || missing+=("$extra")
    done
    [ ${#missing[@]} -gt 0 ] || { say "environment ready: $VENV"; return; }
    extras="$(IFS=,; echo "${EXTRAS[*]+"${EXTRAS[*]}"}")"
    say "installing unisign and its requirements (${missing[*]}); the first time this takes about two minutes and 1.6 GB (5.4 GB with CUDA)"
    : > "$LOG"
    pip_install 'setuptools<81' wheel
    pip_install --no-build-isolation -e "$REPO${extras:+[$extras]}"
    "$PY" "$REPO/tools/misc/mend_torchvision.py" | while read -r line; do say "$line"; done
    mkdir -p "$STAMPS"
    for extra in "${missing[@]}"; do echo "$wanted" > "$STAMPS/$extra"; done
    say "environment ready: $VENV"
}

lock_environment
main
