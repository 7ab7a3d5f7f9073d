#!/usr/bin/env bash
# Installs the browser that the tests of the web page drive: Debian's or Ubuntu's package, where that is possible.
#
#   bash tools/install_chromium.sh
#
# Called by run_tests.sh. A browser that is there already is taken. Where none can be installed (no apt-get, not root, no
# network) it says how to get one and ends well: those tests are then skipped. Environment variable:
#   UNISIGN_CHROMIUM   the browser to use, by its path; 0: none, the tests of the page are skipped
set -euo pipefail
LOG="$(mktemp)"
trap 'rm -f "$LOG"' EXIT

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
skip() { say "no Chromium: $1. Tests of the web page in a browser will be skipped. $2"; exit 0; }

# An apt-get that cannot reach its servers gives up soon, and one that another holds back waits for it a while.
apt_get() {
    DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
        -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=60 "$@" >> "$LOG" 2>&1
}

if [ "${UNISIGN_CHROMIUM:-}" = 0 ]; then
    skip 'UNISIGN_CHROMIUM=0' ''
fi
for name in ${UNISIGN_CHROMIUM:-chromium chromium-browser google-chrome}; do
    # Ubuntu's chromium-browser can be a stub that only names a snap, so it is asked for its version.
    if command -v "$name" >/dev/null && timeout 60 "$name" --version >/dev/null 2>&1; then
        say "browser ready: $(command -v "$name")"
        exit 0
    fi
done
[ -z "${UNISIGN_CHROMIUM:-}" ] || skip "UNISIGN_CHROMIUM=$UNISIGN_CHROMIUM does not run" 'Correct it, or unset it.'
ADVICE='To get it: apt-get install chromium, or name a browser: UNISIGN_CHROMIUM=/path/to/chrome'
command -v apt-get >/dev/null || skip 'there is no apt-get' "$ADVICE"
[ "$(id -u)" = 0 ] || skip 'apt-get needs root' "$ADVICE"
say 'installing Chromium (about 100 MB)'
# The lists that are there may do, and are quicker.
apt_get install --no-install-recommends -y chromium || {
    apt_get update && apt_get install --no-install-recommends -y chromium
} || skip "apt-get could not install it ($(tail -n 1 "$LOG"))" "$ADVICE"
say "browser ready: $(command -v chromium)"
