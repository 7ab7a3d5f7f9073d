#!/usr/bin/env bash
# Lint and format check, as pre-commit and run_tests.sh do it; with --fix what can be mended is mended.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash tools/setup_env.sh test
PY="${UNISIGN_VENV:-.venv}/bin/python"
if [ "${1:-}" = --fix ]; then
    "$PY" -m ruff check --fix .
    "$PY" -m ruff format .
else
    "$PY" -m ruff check .
    "$PY" -m ruff format --check .
fi
