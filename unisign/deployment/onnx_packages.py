"""The packages of the onnx extra, imported where they are used."""

import importlib
from typing import Any

from unisign.structures import DataError

INSTALL_ONNX = "pip install 'unisign[onnx]'"


def onnx_package(name: str, user: str) -> Any:
    """Return a module of the onnx extra.

    Args:
        name: such as ``onnxruntime``.
        user: what needs it, for the error.

    Raises:
        DataError: if it cannot be imported; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise DataError(user, f'needs {name}, which cannot be imported ({error}).', f'{INSTALL_ONNX}.') from error
