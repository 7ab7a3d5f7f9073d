"""An exported model in whole numbers: a quarter of the size, and faster where the processor multiplies bytes."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from unisign.deployment.export import claim_folder
from unisign.deployment.folder import LANGUAGE_MODEL_FOLDER, OUTPUT_ROWS, ExportDescription, read_description
from unisign.deployment.onnx_packages import onnx_package
from unisign.deployment.tables import read_table, write_output_graph, write_rows_graph
from unisign.structures import DataError

USER = 'export to ONNX in int8'


def quantize_export(source: str | Path, folder: str | Path) -> ExportDescription:
    """Write an int8 copy of an export.

    Weights of the language model's matrix products get a scale a column, its tables one a row, inputs of a product one
    that is found as it runs ("dynamic"). The pose encoder stays in float32: it is one hundredth of the weights.

    Args:
        source: folder of an export in float32.
        folder: where; it must not exist yet, or be empty.

    Raises:
        DataError: if the source is no export, or int8 already, the folder is not empty, or a package is missing.
    """
    source, folder = Path(source), Path(folder)
    before = read_description(source)
    if before.int8:
        raise DataError(source, 'is in int8 already.', 'Give an export in float32.')
    for package in ('onnx', 'onnxruntime'):
        onnx_package(package, USER)
    claim_folder(folder)
    shutil.copytree(source / LANGUAGE_MODEL_FOLDER, folder / LANGUAGE_MODEL_FOLDER)
    for path in (*source.glob('pose_encoder.onnx*'), *(source / file for file in before.vocabularies.values())):
        shutil.copyfile(path, folder / path.name)
    for name in ('text_encoder', 'memory', 'decoder'):
        _quantize(source / f'{name}.onnx', folder / f'{name}.onnx')
    embedding, opset = read_table(source / 'embedding.onnx')
    write_rows_graph(folder / 'embedding.onnx', embedding, folder / 'embedding.data', opset, int8=True)
    output, _ = read_table(source / 'output.onnx')
    write_output_graph(folder / 'output.onnx', output, folder / 'output.data', opset, int8=True)
    if before.vocabularies:
        same = torch.equal(embedding, output)
        data = folder / ('embedding.data' if same else f'{OUTPUT_ROWS}.data')
        write_rows_graph(folder / f'{OUTPUT_ROWS}.onnx', output, data, opset, int8=True)
    description = replace(before, int8=True)
    description.write(folder)  # last: without it the folder is no export
    return description


def _quantize(source: Path, path: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it would advise a pass that these graphs do not need
    try:
        quantize_dynamic(
            source,
            path,
            op_types_to_quantize=['MatMul', 'Gemm'],
            per_channel=True,
            weight_type=QuantType.QInt8,
            extra_options={'MatMulConstBOnly': True},
        )
    finally:
        logger.setLevel(level)
