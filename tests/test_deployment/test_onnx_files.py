"""The files of an export: tables, weights beside a graph, and what is refused."""

import json
import shutil
import sys

import pytest
import torch
from transformers import MT5Config, MT5ForConditionalGeneration

from unisign.deployment import OnnxSignModel, export, export_model
from unisign.deployment.export import check_graph, write_graph
from unisign.deployment.graphs import MemoryGraph
from unisign.deployment.onnx_packages import onnx_package
from unisign.deployment.sessions import OnnxGraph
from unisign.deployment.tables import row_scales, write_output_graph, write_rows_graph
from unisign.structures import DataError

onnx = pytest.importorskip('onnx', reason='the onnx extra is not installed')
pytest.importorskip('onnxruntime', reason='the onnx extra is not installed')
WEIGHT = torch.randn(50, 16, generator=torch.Generator().manual_seed(4)) * torch.linspace(0.01, 30, 50)[:, None]


def test_tables_share_their_numbers(tmp_path) -> None:
    data = tmp_path / 'output.data'
    write_rows_graph(tmp_path / 'rows.onnx', WEIGHT, data, 18, int8=False)
    written = data.stat().st_mtime_ns
    write_output_graph(tmp_path / 'output.onnx', WEIGHT, data, 18, int8=False)
    assert data.stat().st_mtime_ns == written and data.stat().st_size == WEIGHT.numel() * 4
    ids, states = torch.tensor([49, 0, 7, 7]), torch.randn(3, 16)
    assert torch.equal(OnnxGraph(tmp_path / 'rows.onnx')(ids)[0], WEIGHT[ids])
    assert torch.allclose(OnnxGraph(tmp_path / 'output.onnx')(states)[0], states @ WEIGHT.t(), atol=1e-4)


def test_int8_tables_have_a_scale_a_row(tmp_path) -> None:
    write_rows_graph(tmp_path / 'rows.onnx', WEIGHT, tmp_path / 'rows.data', 18, int8=True)
    write_output_graph(tmp_path / 'output.onnx', WEIGHT, tmp_path / 'output.data', 18, int8=True)
    assert (tmp_path / 'rows.data').stat().st_size == WEIGHT.numel()
    (rows,) = OnnxGraph(tmp_path / 'rows.onnx')(torch.arange(50))
    assert ((rows - WEIGHT).abs() <= torch.from_numpy(row_scales(WEIGHT))[:, None] * 0.501).all()
    states = torch.randn(20, 16)
    (logits,) = OnnxGraph(tmp_path / 'output.onnx')(states)
    expected = states @ WEIGHT.t()
    assert ((logits - expected).norm(dim=0) < 0.03 * expected.norm(dim=0)).all()


@pytest.fixture
def memory():
    torch.manual_seed(1)
    config = MT5Config(vocab_size=40, d_model=16, d_kv=4, d_ff=12, num_layers=2, num_heads=3)
    return MemoryGraph(MT5ForConditionalGeneration(config)).eval()


@pytest.mark.slow
def test_large_weights_lie_beside_the_graph(memory, tmp_path, monkeypatch) -> None:
    pytest.importorskip('onnxscript', reason='the onnx extra is not installed')
    monkeypatch.setattr(export, 'LARGE', 0)
    write_graph(memory, tmp_path / 'memory.onnx')
    assert (tmp_path / 'memory.onnx.data').stat().st_size >= 4 * 4 * 16 * 12
    assert check_graph(memory, tmp_path / 'memory.onnx') < 1e-5
    with torch.no_grad():
        memory.model.decoder.block[1].layer[1].EncDecAttention.v.weight[3, 5] += 0.1
    with pytest.raises(DataError, match=r"memory.onnx: differs from PyTorch's outputs by"):
        check_graph(memory, tmp_path / 'memory.onnx')


def test_a_missing_package(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(DataError, match=r"export to ONNX: needs onnxruntime.*pip install 'unisign\[onnx\]'"):
        onnx_package('onnxruntime', 'export to ONNX')
    with pytest.raises(DataError, match=r'an exported model: needs onnxruntime.*pip install'):
        OnnxGraph(tmp_path / 'a.onnx')


def test_what_cannot_be_exported(tmp_path) -> None:
    rgb = torch.nn.Module()
    rgb.fusion = torch.nn.Identity()
    with pytest.raises(DataError, match=r'model: is an RGB-pose model.*only pose-only'):
        export_model(rgb, tmp_path / 'out', {})
    with pytest.raises(DataError, match=r'expected UniSign with MT5GenerationHead, got Linear with NoneType'):
        export_model(torch.nn.Linear(1, 1), tmp_path / 'out', {})
    assert not (tmp_path / 'out').exists()


@pytest.mark.slow
def test_folders_that_are_no_export(exported, torch_model, tmp_path) -> None:
    with pytest.raises(DataError, match=r'float32: is there already, and not empty'):
        export_model(torch_model, exported.float32, {})
    with pytest.raises(DataError, match=r'holds no export.json'):
        OnnxSignModel(str(tmp_path))
    copy = tmp_path / 'copy'
    shutil.copytree(exported.float32, copy)
    text = (copy / 'export.json').read_text(encoding='utf-8')
    for content, message in {
        text[:100]: 'export.json: cannot be read',
        json.dumps(json.loads(text) | {'format': 7}): 'has format 7; this version reads 1',
        json.dumps(json.loads(text) | {'colour': 'red'}): 'does not know, colour',
    }.items():
        (copy / 'export.json').write_text(content, encoding='utf-8')
        with pytest.raises(DataError, match=message):
            OnnxSignModel(str(copy))
    (copy / 'export.json').write_text(text, encoding='utf-8')
    (copy / 'decoder.onnx').write_bytes((copy / 'decoder.onnx').read_bytes()[:1000])
    with pytest.raises(DataError, match=r'decoder.onnx: cannot be run'):
        OnnxSignModel(str(copy))
    (copy / 'pose_encoder.onnx').unlink()
    with pytest.raises(DataError, match=r'pose_encoder.onnx: no such file'):
        OnnxSignModel(str(copy))
