# For scripts that install into the virtual environment, by `source` from a script in tools/: where it lies, pip with the
# tried versions, and a lock.

REPO="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
VENV="${UNISIGN_VENV:-$REPO/.venv}"
case "$VENV" in /*) ;; *) VENV="$PWD/$VENV" ;; esac
PY="$VENV/bin/python"
SCRIPT="${0##*/}"
LOG="$REPO/.cache/${SCRIPT%.sh}.log"
STAMPS="$VENV/.unisign-installed" # what was installed, by name
export PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
mkdir -p "$REPO/.cache"

source "$REPO/tools/misc/progress.sh"
die() { printf '%s: %s\n' "$SCRIPT" "$*" >&2; exit 1; }

# What to say of a line of pip's ($LOG has everything).
of_pip() {
    case "$1" in
        *Downloading*) REPLY="downloading ${1#*Downloading }" ;;
        *Processing*.whl*) REPLY="${1%% (from*}" REPLY="reading ${REPLY##*/}" ;;
        *'Installing collected'*) REPLY='unpacking and installing all of these' ;;
    esac
}

pip_install() {
    if ! "$PY" -m pip install --progress-bar off -c "$REPO/requirements/constraints.txt" "$@" 2>&1 |
        tee -a "$LOG" | show_progress of_pip "looking for packages"; then
        tail -n 25 "$LOG" >&2
        die "pip could not install $*. The lines above are the end of $LOG; running this again goes on from here."
    fi
}

# The sum of all that decides what gets installed.
requirements_sum() { cat "$REPO"/requirements/*.txt "$REPO/setup.cfg" "$REPO/unisign/version.py" | cksum | cut -d' ' -f1; }

# Two scripts started at once must not install into one environment together. Held until the (sub)shell ends.
lock_environment() {
    command -v flock >/dev/null || return 0
    exec 9>"$REPO/.cache/setup_env.lock"
    flock -n 9 || { say 'waiting for another set-up of this checkout to finish'; flock 9; }
}
