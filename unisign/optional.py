"""Packages of the pose extra: importing them where they are used, their versions. Works where nothing is installed."""

import hashlib
import importlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

INSTALL_POSE = 'bash tools/install_pose.sh'


def import_extra(module: str, user: str) -> ModuleType:
    """Return a module of the pose extra.

    Args:
        module: its name.
        user: the class that needs it, for the error.

    Raises:
        ImportError: if it cannot be imported; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'{user} needs {module} ({error}): {INSTALL_POSE}') from error


def versions_of(*distributions: str) -> dict[str, str]:
    """Return the installed versions by the distributions' names; those that are not there are left out."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with Path(path).open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
