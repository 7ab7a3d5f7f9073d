"""Makes ``import torchvision`` work beside a PyTorch that it was not built for (such as a CPU-only one).

Example: ``.venv/bin/python tools/misc/mend_torchvision.py``; the set-up script runs it. torchvision's compiled
operators cannot be loaded there, and its import stops at the first that is missing; all that needs torchvision stops
with it, the language models too. Where the plain import fails for that reason, and only there, two small files go into
this Python's ``site-packages``: they declare the missing operators when torchvision is first imported. Its models and
transforms then work; calling one of those operators (box suppression, regions of interest) stays an error.
"""

import re
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

MODULE = 'torchvision_operators'
MISSING = re.compile(r'operator torchvision::(\w+) does not exist')
# Tried in a process of its own: imports torchvision with the operators named in the arguments declared.
TRIAL = """
import sys
import torch
library = torch.library.Library('torchvision', 'DEF') if sys.argv[1:] else None
for name in sys.argv[1:]:
    library.define(name + '() -> ()')
import torchvision
"""
HOOK = '''"""Declares operators that torchvision lacks beside this PyTorch (unisign: tools/misc/mend_torchvision.py)."""

import importlib.machinery
import sys

OPERATORS = {operators!r}
VERSIONS = {versions!r}
kept = []


def declare():
    """Declare the operators, unless other versions were installed since."""
    from importlib import metadata

    if not kept and all(metadata.version(name) == version for name, version in VERSIONS.items()):
        import torch

        kept.append(torch.library.Library('torchvision', 'DEF'))
        for name in OPERATORS:
            kept[0].define(name + '() -> ()')


class Finder:
    """Finds torchvision as Python itself does, and calls ``declare`` before it is run."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != 'torchvision':
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def exec_module(module):
                declare()
                run(module)

            spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Finder)
'''


def main() -> None:
    """Write the hook if it is needed; exits with 1 and the reason if torchvision cannot be imported at all."""
    try:
        versions = {name: metadata.version(name) for name in ('torch', 'torchvision')}
    except metadata.PackageNotFoundError:
        return
    folder = Path(sysconfig.get_path('purelib'))
    module, starter = folder / f'{MODULE}.py', folder / f'{MODULE}.pth'
    if starter.exists() and f'VERSIONS = {versions!r}' in module.read_text(encoding='utf-8') and not error_of([]):
        return
    for file in (starter, module):
        file.unlink(missing_ok=True)
    operators = missing_operators()
    if operators:
        module.write_text(HOOK.format(operators=operators, versions=versions), encoding='utf-8')
        starter.write_text(f'import {MODULE}\n', encoding='utf-8')
        print(f'torchvision lacks its compiled operators beside this PyTorch; declared for its import: {operators}')


def missing_operators() -> list[str]:
    """Return the operators without which torchvision cannot be imported, found one error at a time."""
    operators: list[str] = []
    while error := error_of(operators):
        found = MISSING.search(error)
        if not found or found[1] in operators:
            raise SystemExit(f'torchvision cannot be imported:\n{error}')
        operators.append(found[1])
    return operators


def error_of(operators: list[str]) -> str:
    """Return what importing torchvision says with these operators declared, or nothing if it works."""
    command = [sys.executable, '-c', TRIAL, *operators]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return '' if done.returncode == 0 else done.stderr


if __name__ == '__main__':
    main()
