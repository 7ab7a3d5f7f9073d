"""The two tables of a language model as graphs: rows by number, and the output layer.

They are large (mT5-base: 768 MB each in float32), so their numbers lie in files of their own, which are written in
pieces and which graphs may share. In int8 each row has a scale of its own.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unisign.deployment.onnx_packages import onnx_package
from unisign.structures import DataError

ROWS_AT_ONCE = 8192
# The file format that onnxruntime reads since 1.18; what a newer onnx writes by default may be too new for it.
IR_VERSION = 10


def write_rows_graph(path: Path, weight: Tensor, data: Path, opset: int, int8: bool = False) -> None:
    """Write a graph that gives the rows of a table: long [..] to float32 [.., C].

    Args:
        path: of the graph.
        weight: [V, C].
        data: file with the table's numbers, in the graph's folder; written if it is not there.
        opset: ONNX's version of operators.
        int8: store whole numbers, and a scale a row.
    """
    node = onnx_package('onnx', 'export').helper.make_node
    table = _stored('table', weight, data, int8)
    if int8:
        scales = _inside('scales', row_scales(weight)[:, None])
        nodes = [
            node('Gather', ['table', 'ids'], ['whole']),
            node('Cast', ['whole'], ['number'], to=1),
            node('Gather', ['scales', 'ids'], ['scale']),
            node('Mul', ['number', 'scale'], ['rows']),
        ]
        _save(path, nodes, [table, scales], ('ids', 7, ['M']), ('rows', ['M', weight.shape[1]]), opset)
        return
    nodes = [node('Gather', ['table', 'ids'], ['rows'])]
    _save(path, nodes, [table], ('ids', 7, ['M']), ('rows', ['M', weight.shape[1]]), opset)


def write_output_graph(path: Path, weight: Tensor, data: Path, opset: int, int8: bool = False) -> None:
    """Write the output layer: float32 [M, C] to scores [M, V]; arguments as for ``write_rows_graph``."""
    node = onnx_package('onnx', 'export').helper.make_node
    given: tuple[str, int, list[str | int]] = ('states', 1, ['M', weight.shape[1]])
    result: tuple[str, list[str | int]] = ('logits', ['M', weight.shape[0]])
    if not int8:
        nodes = [node('Gemm', ['states', 'table'], ['logits'], transB=1)]
        _save(path, nodes, [_stored('table', weight, data, int8)], given, result, opset)
        return
    nodes = [
        node('DynamicQuantizeLinear', ['states'], ['whole', 'step', 'zero']),
        node('MatMulInteger', ['whole', 'columns', 'zero'], ['sums']),
        node('Cast', ['sums'], ['numbers'], to=1),
        node('Mul', ['step', 'scales'], ['steps']),
        node('Mul', ['numbers', 'steps'], ['logits']),
    ]
    tables = [_stored('columns', weight, data, int8, columns=True), _inside('scales', row_scales(weight))]
    _save(path, nodes, tables, given, result, opset)


def read_table(path: Path) -> tuple[Tensor, int]:
    """Return the table [V, C] of a float32 graph, mapped from its file, and the graph's opset.

    Raises:
        DataError: if the graph has no such table.
    """
    onnx = onnx_package('onnx', 'export')
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        if tensor.name == 'table' and tensor.data_type == onnx.TensorProto.FLOAT:
            file = {entry.key: entry.value for entry in tensor.external_data}['location']
            numbers = np.memmap(path.with_name(file), np.float32, mode='c', shape=tuple(tensor.dims))
            return torch.from_numpy(numbers), model.opset_import[0].version
    raise DataError(path, 'holds no table in float32.', 'Export the model again.')


def row_scales(weight: Tensor) -> np.ndarray:
    """Return float32 [V]: what a row's whole numbers in -127..127 are multiplied by."""
    largest = torch.cat([rows.float().abs().amax(dim=1) for rows in weight.detach().split(ROWS_AT_ONCE)])
    return (largest / 127).clamp(min=torch.finfo(torch.float32).tiny).numpy()


def _whole_numbers(weight: Tensor) -> np.ndarray:
    scales = torch.from_numpy(row_scales(weight))[:, None]
    made = np.empty(tuple(weight.shape), np.int8)
    for first in range(0, len(weight), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        made[part] = (weight.detach()[part].float() / scales[part]).round().to(torch.int8).numpy()
    return made


def _stored(name: str, weight: Tensor, data: Path, int8: bool, columns: bool = False) -> Any:
    """Return a tensor whose numbers lie in ``data``: [V, C], or [C, V] as columns."""
    onnx = onnx_package('onnx', 'export')
    shape = tuple(reversed(weight.shape)) if columns else tuple(weight.shape)
    if not data.exists():
        numbers = _whole_numbers(weight) if int8 else weight.detach().float().numpy()
        np.ascontiguousarray(numbers.T if columns else numbers).tofile(data)
    tensor = onnx.TensorProto(name=name, dims=shape, data_location=onnx.TensorProto.EXTERNAL)
    tensor.data_type = onnx.TensorProto.INT8 if int8 else onnx.TensorProto.FLOAT
    for key, value in (('location', data.name), ('offset', '0'), ('length', str(data.stat().st_size))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _inside(name: str, values: np.ndarray) -> Any:
    return onnx_package('onnx', 'export').numpy_helper.from_array(values, name)


def _save(
    path: Path,
    nodes: list[Any],
    tensors: list[Any],
    given: tuple[str, int, list[str | int]],
    result: tuple[str, list[str | int]],
    opset: int,
) -> None:
    onnx = onnx_package('onnx', 'export')
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, path.stem, [value(*given)], [value(result[0], onnx.TensorProto.FLOAT, result[1])], tensors
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', opset)], ir_version=IR_VERSION)
    path.write_bytes(model.SerializeToString())
