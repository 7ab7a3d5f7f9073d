"""Exported models tested as trained ones are."""

from pathlib import Path

from mmengine.config import Config

from unisign.deployment.folder import read_description
from unisign.engine.launch import run_test


def run_onnx_test(cfg: Config, folder: str | Path, predictions: str | None = None) -> dict[str, float]:
    """Test an exported model on a config's test clips; prints and writes the scores as ``run_test`` does.

    Args:
        cfg: from ``prepare_config``: clips and scores are its; the model is the exported one.
        folder: of the export.
        predictions: JSON Lines file to write every clip's prediction to.

    Raises:
        DataError: if the folder is no export, or something of it is missing.
    """
    read_description(folder)
    cfg.model = dict(type='OnnxSignModel', folder=str(folder))
    return run_test(cfg, None, predictions)
