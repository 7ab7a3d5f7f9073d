"""A pose-only model as a folder of ONNX graphs."""

import logging
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from unisign.deployment.folder import DESCRIPTION_FILE, LANGUAGE_MODEL_FOLDER, OUTPUT_ROWS, ExportDescription
from unisign.deployment.graphs import (
    DecoderGraph,
    Graph,
    MemoryGraph,
    PoseEncoderGraph,
    TextEncoderGraph,
    example_inputs,
)
from unisign.deployment.onnx_packages import onnx_package
from unisign.deployment.sessions import OnnxGraph, largest_difference
from unisign.deployment.tables import write_output_graph, write_rows_graph
from unisign.models import MT5GenerationHead, UniSign
from unisign.models.language_models.tokenizer import TOKENIZER_FILE
from unisign.structures import DataError
from unisign.version import __version__

USER = 'export to ONNX'
OPSET = 18
TOLERANCE = 1e-4  # of a graph's outputs, relative to values larger than 1
LARGE = 2**28  # bytes of weights from which on they lie beside the graph, not in it (a graph holds 2 GiB at most)
TRACED = dict(B=2, T=6, L=9, N=3, P=4)
# A single clip, a single frame, the first step, and a batch larger than the traced one.
CHECKED = (dict(B=1, T=1, L=1, N=1, P=0), dict(B=3, T=17, L=29, N=4, P=150))


def export_model(
    model: UniSign,
    folder: str | Path,
    dataset: dict[str, Any],
    opset: int = OPSET,
    made_by: dict[str, str] | None = None,
) -> ExportDescription:
    """Write a model as ONNX graphs, with all else that answering needs.

    Args:
        model: a pose-only model in evaluation mode, on the CPU.
        folder: where; it must not exist yet, or be empty.
        dataset: see ``ExportDescription``.
        opset: ONNX's version of operators.
        made_by: see ``ExportDescription``.

    Raises:
        DataError: if the folder is not empty, the model cannot be exported, a package is missing, or an exported graph
            does not give what PyTorch gives.
    """
    head, folder = _exportable_head(model), Path(folder)
    claim_folder(folder)
    for package in ('onnx', 'onnxscript', 'onnxruntime'):
        onnx_package(package, USER)
    language_model = head.language_model
    graphs: dict[str, Graph] = dict(
        pose_encoder=PoseEncoderGraph(model),
        text_encoder=TextEncoderGraph(language_model),
        memory=MemoryGraph(language_model),
        decoder=DecoderGraph(language_model),
    )
    equality = {}
    for name, graph in graphs.items():
        path = folder / f'{name}.onnx'
        write_graph(graph.eval(), path, opset)
        equality[name] = check_graph(graph, path)
    equality |= _write_tables(head, folder, opset)
    vocabularies = _write_texts(head, folder)
    description = ExportDescription(
        dataset=dataset,
        prompt=head.codec.prompt,
        max_target_tokens=head.codec.max_target_tokens,
        generation=dict(head.generation),
        nbest=head.nbest,
        vocabularies=vocabularies,
        ranking=head.ranking,
        int8=False,
        made_by={'unisign': __version__, 'torch': torch.__version__, 'opset': str(opset)} | (made_by or {}),
        equality=equality,
    )
    description.write(folder)  # last: without it the folder is no export
    return description


def write_graph(graph: Graph, path: Path, opset: int = OPSET) -> None:
    """Write one graph whose lettered dimensions are free."""
    free = ([i for i, side in enumerate(shape) if isinstance(side, str)] for shape in graph.inputs.values())
    shapes = tuple(dict.fromkeys(sides, torch.export.Dim.DYNAMIC) for sides in free)
    weights = sum(weight.numel() * weight.element_size() for weight in graph.parameters())
    logging.getLogger('onnxscript').setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # of what torch.export does inside itself
        program = torch.onnx.export(
            graph,
            example_inputs(graph, TRACED),
            dynamo=True,
            dynamic_shapes=(shapes,),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            opset_version=opset,
            verbose=False,
        )
    assert program is not None
    program.save(path, external_data=weights > LARGE)


@torch.no_grad()
def check_graph(graph: Graph, path: Path) -> float:
    """Return the largest difference between an exported graph and PyTorch, over several sizes of batch.

    Raises:
        DataError: if it is too large.
    """
    exported, largest = OnnxGraph(path), 0.0
    for sizes in CHECKED:
        inputs = example_inputs(graph, sizes)
        expected = graph(*inputs)
        expected = (expected,) if isinstance(expected, Tensor) else expected
        largest = max(largest, largest_difference(exported(*inputs), expected))
    if not largest <= TOLERANCE:
        raise DataError(
            path, f"differs from PyTorch's outputs by {largest:.2g}, more than {TOLERANCE}.", 'Try another --opset.'
        )
    return largest


def _exportable_head(model: Any) -> MT5GenerationHead:
    if getattr(model, 'fusion', None) is not None:
        raise DataError(
            'model',
            'is an RGB-pose model, which reads pictures of the hands; only pose-only models can be exported.',
            'Give the config and checkpoint of a pose-only model (configs with _pose in their name).',
        )
    if not isinstance(model, UniSign) or not isinstance(model.head, MT5GenerationHead):
        names = f'{type(model).__name__} with {type(getattr(model, "head", None)).__name__}'
        raise DataError('model', f'expected UniSign with MT5GenerationHead, got {names}.', 'Export such a model.')
    return model.head


def claim_folder(folder: Path) -> None:
    """Make an empty folder.

    Raises:
        DataError: if it holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(folder, 'is there already, and not empty.', 'Name another folder with --out, or remove it.')
    folder.mkdir(parents=True, exist_ok=True)


@torch.no_grad()
def _write_tables(head: MT5GenerationHead, folder: Path, opset: int) -> dict[str, float]:
    """Write the embedding and the output layer, and check them; a table that two graphs read is stored once."""
    embedding, output = head.language_model.shared.weight, head.language_model.lm_head.weight
    tied = embedding.data_ptr() == output.data_ptr()
    write_rows_graph(folder / 'embedding.onnx', embedding, folder / 'embedding.data', opset)
    data = folder / ('embedding.data' if tied else 'output.data')
    write_output_graph(folder / 'output.onnx', output, data, opset)
    if len(head.vocabularies):
        write_rows_graph(folder / f'{OUTPUT_ROWS}.onnx', output, data, opset)
    states, ids = torch.randn(3, embedding.shape[1]), torch.randint(len(embedding), (7,))
    return dict(
        output=largest_difference(OnnxGraph(folder / 'output.onnx')(states), [states @ output.t()]),
        embedding=largest_difference(OnnxGraph(folder / 'embedding.onnx')(ids), [embedding[ids]]),
    )


def _write_texts(head: MT5GenerationHead, folder: Path) -> dict[str, str]:
    """Write tokenizer, config of the language model, and labels; return the files of the labels."""
    language_model = folder / LANGUAGE_MODEL_FOLDER
    language_model.mkdir()
    shutil.copyfile(head.codec.tokenizer.model_file, language_model / TOKENIZER_FILE)
    head.language_model.config.to_json_file(language_model / 'config.json', use_diff=False)
    files = {}
    vocabulary: Any
    for task, vocabulary in head.vocabularies.items():
        files[task] = f'labels_{task}.txt'
        labels = getattr(vocabulary, 'labels', None) or sorted(vocabulary.glosses)
        (folder / files[task]).write_text(''.join(f'{label}\n' for label in labels), encoding='utf-8')
    return files


def dataset_of(cfg: Any) -> dict[str, Any]:
    """Return what ``ExportDescription.dataset`` holds, from a config.

    Raises:
        DataError: if the config has no test pipeline.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    if not dataset.get('pipeline'):
        source = getattr(cfg, 'filename', None) or 'config'
        raise DataError(source, 'has no test_dataloader.dataset.pipeline.', 'An export keeps it, to prepare clips.')
    kept = {key: dataset[key] for key in ('pipeline', 'task', 'lang', 'name', 'seed') if dataset.get(key) is not None}
    return dict(kept)


def folder_size(folder: str | Path) -> dict[str, int]:
    """Return the bytes of an export's files, by name, largest first."""
    files = [path for path in Path(folder).rglob('*') if path.is_file() and path.name != DESCRIPTION_FILE]
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in files}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))
