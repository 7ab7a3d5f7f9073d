"""The checkout obeys its own linter and formatter."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize('command', [['check'], ['format', '--check']], ids=' '.join)
def test_ruff(repo, command):
    done = subprocess.run([sys.executable, '-m', 'ruff', *command, '.'], cwd=repo, capture_output=True, text=True)
    assert done.returncode == 0, f'mend with: bash tools/lint.sh --fix\n{done.stdout}{done.stderr}'
