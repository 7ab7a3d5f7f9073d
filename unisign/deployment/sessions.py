"""Exported graphs, run by onnxruntime."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unisign.deployment.onnx_packages import onnx_package
from unisign.structures import DataError

# onnxruntime reads these; the graphs' other inputs are long.
_BOOLEAN, _FLOAT = 'tensor(bool)', 'tensor(float)'


class OnnxGraph:
    """One exported graph on the CPU, called with tensors.

    Args:
        path: of the graph.
        threads: threads it computes with; None takes PyTorch's number.

    Raises:
        DataError: if onnxruntime or the file is missing, or it is no graph that onnxruntime can run.
    """

    def __init__(self, path: str | Path, threads: int | None = None) -> None:
        runtime = onnx_package('onnxruntime', 'an exported model')
        if not Path(path).is_file():
            raise DataError(path, 'no such file; expected a graph of an export.', 'Copy or export the folder again.')
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads or torch.get_num_threads()
        options.log_severity_level = 3  # errors
        # Threads that wait busily would take the cores from the next graph, and from PyTorch.
        options.add_session_config_entry('session.force_spinning_stop', '1')
        try:
            self._session: Any = runtime.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])
        except Exception as error:  # onnxruntime's errors have no common class
            raise DataError(
                path, f'cannot be run ({_first_line(error)}).', 'Copy or export the folder again.'
            ) from error
        self._inputs = [(given.name, given.type) for given in self._session.get_inputs()]

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """Return the graph's outputs; the inputs in the graph's order."""
        given = {}
        for (name, kind), tensor in zip(self._inputs, inputs, strict=True):
            wanted = {_BOOLEAN: torch.bool, _FLOAT: torch.float32}.get(kind, torch.int64)
            given[name] = tensor.detach().to('cpu', wanted).contiguous().numpy()
        return [torch.from_numpy(output) for output in self._session.run(None, given)]


def largest_difference(outputs: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Return the largest difference between two lists of outputs, relative to values larger than 1."""
    differences = [0.0]
    for ours, theirs in zip(outputs, expected, strict=True):
        if theirs.numel():
            differences.append(float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1)))
    return max(differences)


def _first_line(error: Exception) -> str:
    return str(error).strip().split('\n')[0][:200].rstrip('.')
