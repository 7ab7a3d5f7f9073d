"""Models outside of PyTorch: exported to ONNX, run by onnxruntime (``docs/export.md``)."""

from unisign.deployment.export import dataset_of, export_model, folder_size
from unisign.deployment.folder import ExportDescription, is_export
from unisign.deployment.onnx_sign_model import OnnxSignModel
from unisign.deployment.quantization import quantize_export
from unisign.deployment.testing import run_onnx_test

__all__ = [
    'ExportDescription',
    'OnnxSignModel',
    'dataset_of',
    'export_model',
    'folder_size',
    'is_export',
    'quantize_export',
    'run_onnx_test',
]
