#!/usr/bin/env bash
# Installs the pose extra into the virtual environment (made by setup_env.sh if need be): mmcv with compiled operators,
# mmdet, mmpose, MediaPipe and what they import. Tells at the end which parts work (tools/misc/check_pose.py).
#
#   bash tools/install_pose.sh [--anew]
#
# A second run finds that nothing changed and returns in seconds; --anew installs everything again, for an environment
# that another package has broken. The first time, mmcv is compiled: about ten minutes on two cores, longer with CUDA;
# the wheel is kept in the cache folder for the next environment. Environment variables: those of setup_env.sh, and
#   UNISIGN_CACHE   where built wheels are kept (default: unisign in XDG_CACHE_HOME or ~/.cache)
#   FORCE_CUDA      1: compile mmcv for GPUs even where there is none, 0: never (default: where PyTorch sees one and the
#                   CUDA toolkit of its version is installed); TORCH_CUDA_ARCH_LIST names the architectures
#   MAX_JOBS        how many files are compiled at a time (default: as many as cores and memory allow)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/misc/virtual_env.sh"
STAMP="$STAMPS/pose_no_deps"

# Prints the packages that others would be installed over, with those others if they are there too.
overwritten() {
    "$PY" - <<'END'
from unisign.check_pose import PARTS
from unisign.optional import versions_of

for part in PARTS:
    if versions_of(*part.distributions[1:]):
        print(*versions_of(*part.distributions))
END
}

# What to say of a line of the build.
of_build() {
    local counter='^ *\[([0-9]+)/([0-9]+)\] '
    if [[ "$1" =~ $counter ]]; then
        [ $((BASH_REMATCH[1] % 10)) -ne 0 ] || REPLY="compiled ${BASH_REMATCH[1]} of ${BASH_REMATCH[2]} files"
    elif [[ "$1" =~ ^(building\ onedl|waiting\ for|note:) ]]; then
        REPLY="$1"
    fi
}

build_mmcv() {
    if ! "$PY" "$REPO/tools/misc/mmcv_wheel.py" 2>&1 | tee -a "$LOG" | show_progress of_build 'compiling mmcv'; then
        tail -n 25 "$LOG" >&2
        die "mmcv could not be built. The lines above are the end of $LOG."
    fi
}

main() {
    local folder wanted clash
    if [ "${1:-}" = --anew ]; then
        rm -f "$STAMPS/runtime" "$STAMPS/pose" "$STAMP"
    elif [ $# -gt 0 ]; then
        die "unknown argument $1; it takes --anew or nothing"
    fi
    bash "$REPO/tools/setup_env.sh" pose
    folder="$("$PY" "$REPO/tools/misc/mmcv_wheel.py" --folder)"
    wanted="$(requirements_sum) ${folder##*/}"
    if [ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ] && "$PY" "$REPO/tools/misc/check_pose.py" --installed >/dev/null; then
        say "pose extra ready: $VENV"
        return
    fi
    clash="$(overwritten)"
    [ -z "$clash" ] || die "these packages come in each other's place: $clash. Remove them, then install anew:
$PY -m pip uninstall -y ${clash//$'\n'/ } && bash tools/$SCRIPT --anew"
    : > "$LOG"
    say "installing the pose extra; mmcv's wheel is kept in $folder"
    (lock_environment; pip_install -r "$REPO/requirements/pose_build.txt")
    build_mmcv
    (
        lock_environment
        pip_install --no-deps --force-reinstall "$folder"/*.whl
        pip_install --no-deps --force-reinstall --no-build-isolation -r "$REPO/requirements/pose_no_deps.txt"
    )
    "$PY" "$REPO/tools/misc/check_pose.py" || die 'something was installed and does not work: see the list above.'
    mkdir -p "$STAMPS"
    echo "$wanted" > "$STAMP"
    say "pose extra ready: $VENV"
}

main "$@"
