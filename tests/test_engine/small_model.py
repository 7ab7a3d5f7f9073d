"""The config of a very small model, as a file."""

from pathlib import Path

MODEL = """
model = dict(
    type='UniSign',
    pose_encoder=dict(
        type='PartGCNEncoder', embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=24
    ),
    head=dict(type='MT5GenerationHead', language_model={language_model!r}, pretrained={pretrained}),
)
"""


def write_small_config(path: Path, language_model: Path, pretrained: bool = False) -> Path:
    """Write the config; return its path."""
    path.write_text(MODEL.format(language_model=str(language_model), pretrained=pretrained))
    return path
