"""The folder of an exported model: what lies in it, and ``export.json``, which says what the graphs do not."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from unisign.structures import DataError

DESCRIPTION_FILE = 'export.json'
LANGUAGE_MODEL_FOLDER = 'language_model'
FORMAT = 1
GRAPHS = ('pose_encoder', 'text_encoder', 'memory', 'decoder', 'embedding', 'output')
OUTPUT_ROWS = 'output_rows'  # a seventh graph, with closed vocabularies


@dataclass
class ExportDescription:
    """What ``export.json`` holds.

    Attributes:
        dataset: ``pipeline`` of the test clips, as in the config, and ``task``, ``lang``, ``name``, ``seed`` if it sets
            them.
        prompt: what the language model reads before the frames.
        max_target_tokens: tokens of a label, at most.
        generation: ``num_beams`` and ``max_new_tokens``.
        nbest: answers a clip.
        vocabularies: task -> file with its labels, in the folder.
        ranking: how whole labels are ranked.
        int8: whether the language model computes with whole numbers.
        made_by: versions, config and checkpoint, for the reader.
        equality: graph -> largest difference to PyTorch's outputs, measured at the export in float32.
        format: version of the folder's layout.
    """

    dataset: dict[str, Any]
    prompt: str
    max_target_tokens: int
    generation: dict[str, int]
    nbest: int
    vocabularies: dict[str, str]
    ranking: str
    int8: bool
    made_by: dict[str, str] = field(default_factory=dict)
    equality: dict[str, float] = field(default_factory=dict)
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write ``export.json``."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / DESCRIPTION_FILE).write_text(text + '\n', encoding='utf-8')


def is_export(folder: str | Path) -> bool:
    """Tell whether a folder holds an exported model."""
    return (Path(folder) / DESCRIPTION_FILE).is_file()


def read_description(folder: str | Path) -> ExportDescription:
    """Read ``export.json``.

    Raises:
        DataError: if it is missing, damaged, or of another version of the layout.
    """
    path, advice = Path(folder) / DESCRIPTION_FILE, 'Export the model again (tools/deployment/export_onnx.py).'
    if not path.is_file():
        raise DataError(folder, f'holds no {DESCRIPTION_FILE}, so it is no exported model.', advice)
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        made_with = content.get('format')
        if made_with != FORMAT:
            raise DataError(path, f'has format {made_with!r}; this version reads {FORMAT}.', advice)
    except (OSError, ValueError, AttributeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(path, f'cannot be read ({error}).', advice) from error
    known = {one.name for one in fields(ExportDescription)}
    if wrong := sorted(known ^ set(content)):
        raise DataError(path, f'lacks, or does not know, {", ".join(wrong)}.', advice)
    return ExportDescription(**content)
