"""Anybody's arrays of clips: one ``.npz`` to annotations, a packed pose store and a list of labels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from unisign.datasets.annotations import Annotation, write_annotations
from unisign.stores.packed_writer import PackedPoseWriter
from unisign.structures import NUM_KEYPOINTS, ClipError, DataError, Poses

_LAYOUT = (
    'Expected keypoints [N, T, 133, 2] (divided by frame width and height), scores [N, T, 133] and label or text [N]; '
    'optional: lengths [N] (frames that count), signer [N], id [N], frame_size [2] or [N, 2].'
)


@dataclass
class ImportReport:
    """What an import wrote.

    Attributes:
        annotations: the JSON Lines file.
        store: the packed pose store.
        labels: the file of different texts, sorted, one a line.
        clips: number of clips written.
        frames: number of frames written.
        texts: number of different texts.
        signers: number of different signers; 0 if unknown.
        failed: what was wrong with the clips that were left out.
    """

    annotations: Path
    store: Path
    labels: Path
    clips: int = 0
    frames: int = 0
    texts: int = 0
    signers: int = 0
    failed: list[str] = field(default_factory=list)


def import_arrays(
    source: str | Path,
    out_dir: str | Path,
    task: str = 'islr',
    lang: str = 'en',
    frame_rate: float | None = None,
    max_failed_share: float = 0.01,
) -> ImportReport:
    """Write ``<stem>.jsonl``, ``<stem>.lmdb`` and ``<stem>_labels.txt`` from the arrays in ``source``.

    Args:
        source: ``.npz`` with keypoints float [N, T, 133, 2], scores float [N, T, 133] and label (or text) [N]; optional
            lengths, signer, id [N] and frame_size. The store keeps float16 as float16.
        out_dir: where to write.
        task: ``islr`` and ``slt`` take the label as the text, ``cslr`` splits it into glosses.
        lang: language of the labels, such as ``en``.
        frame_rate: frames per second, if known.
        max_failed_share: share of bad clips (NaN, pixel coordinates, ..) up to which the rest is written.

    Raises:
        DataError: if the file is not as described, or too many clips are bad; then nothing is written.
    """
    arrays = _read_arrays(Path(source))
    stem, out_dir = Path(source).stem, Path(out_dir)
    report = ImportReport(out_dir / f'{stem}.jsonl', out_dir / f'{stem}.lmdb', out_dir / f'{stem}_labels.txt')
    dtype = 'float16' if arrays['keypoints'].dtype == np.float16 else 'float32'
    annotations: list[Annotation] = []
    with PackedPoseWriter(report.store, dtype=dtype) as writer:
        for index, poses in _clips(arrays, frame_rate):
            annotation = _annotation(arrays, index, stem, task, lang)
            try:
                writer.write(annotation.id, poses)
            except ClipError as error:
                report.failed.append(f'clip {index}: {error.problem}')
                continue
            annotations.append(annotation)
            report.frames += len(poses)
        _stop_at_many_failures(report.failed, len(arrays['keypoints']), max_failed_share, source)
    write_annotations(report.annotations, annotations)
    texts = sorted({annotation.text or ' '.join(annotation.gloss) for annotation in annotations})
    report.labels.write_text(''.join(f'{text}\n' for text in texts), encoding='utf-8')
    report.clips, report.texts = len(annotations), len(texts)
    report.signers = len({annotation.signer for annotation in annotations} - {None})
    return report


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except FileNotFoundError as error:
        raise DataError(path, 'there is no such file.', _LAYOUT) from error
    except Exception as error:  # a damaged archive can fail in zipfile, zlib or numpy, each with errors of its own
        raise DataError(path, f'not a readable .npz of plain arrays ({error}).', _LAYOUT) from error
    if 'label' not in arrays and 'text' in arrays:
        arrays['label'] = arrays['text']
    missing = [name for name in ('keypoints', 'scores', 'label') if name not in arrays]
    if missing:
        raise DataError(path, f'no array {" and no ".join(missing)}; found {sorted(arrays)}.', _LAYOUT)
    _check_shapes(arrays, path)
    return arrays


def _check_shapes(arrays: dict[str, np.ndarray], path: Path) -> None:
    keypoints = arrays['keypoints']
    clips, frames = keypoints.shape[:2] if keypoints.ndim == 4 else (0, 0)
    expected = {'keypoints': (clips, frames, NUM_KEYPOINTS, 2), 'scores': (clips, frames, NUM_KEYPOINTS)}
    expected |= {name: (clips,) for name in ('label', 'lengths', 'signer', 'id') if name in arrays}
    for name, shape in expected.items():
        if arrays[name].shape != shape or clips == 0:
            raise DataError(path, f'{name} has shape {list(arrays[name].shape)}.', _LAYOUT)
    for name in ('keypoints', 'scores'):
        if arrays[name].dtype.kind not in 'fiu':
            raise DataError(path, f'{name} holds {arrays[name].dtype}, not numbers.', _LAYOUT)
    if 'frame_size' in arrays and arrays['frame_size'].shape not in ((2,), (clips, 2)):
        raise DataError(path, f'frame_size has shape {list(arrays["frame_size"].shape)}.', _LAYOUT)
    lengths = arrays.get('lengths')
    if lengths is not None and not ((lengths >= 1) & (lengths <= frames)).all():
        raise DataError(path, f'lengths should be 1..{frames}, got {lengths.min()}..{lengths.max()}.', _LAYOUT)
    if 'id' in arrays and len(np.unique(arrays['id'])) != clips:
        raise DataError(path, 'id names a clip twice.', 'Give each clip an id of its own, or leave id out.')


def _clips(arrays: dict[str, np.ndarray], frame_rate: float | None) -> Iterator[tuple[int, Poses]]:
    keypoints, scores = arrays['keypoints'], arrays['scores']
    lengths = arrays.get('lengths', np.full(len(keypoints), keypoints.shape[1]))
    sizes = np.broadcast_to(arrays['frame_size'], (len(keypoints), 2)).tolist() if 'frame_size' in arrays else None
    for index, length in enumerate(lengths.tolist()):
        yield (
            index,
            Poses(
                keypoints=keypoints[index, :length].astype(np.float32),
                scores=scores[index, :length].astype(np.float32),
                frame_size=tuple(sizes[index]) if sizes else None,
                frame_rate=frame_rate,
            ),
        )


def _annotation(arrays: dict[str, np.ndarray], index: int, stem: str, task: str, lang: str) -> Annotation:
    clip_id = str(arrays['id'][index]) if 'id' in arrays else f'{stem}_{index:06d}'
    label = str(arrays['label'][index]).strip()
    if not label:
        raise DataError(
            f'{stem}, clip {index}', 'its label is empty.', 'Give each clip a label, or leave the clip out.'
        )
    text, gloss = {'islr': (label, (label,)), 'cslr': (None, tuple(label.split())), 'slt': (label, ())}[task]
    return Annotation(
        id=clip_id,
        poses=f'{stem}.lmdb#{clip_id}',
        text=text,
        gloss=gloss,
        lang=lang,
        signer=str(arrays['signer'][index]) if 'signer' in arrays else None,
    )


def _stop_at_many_failures(failed: list[str], clips: int, max_failed_share: float, source: object) -> None:
    if len(failed) > max_failed_share * clips:
        raise DataError(
            source,
            f'{len(failed)} of {clips} clips are bad (allowed: {max_failed_share:.1%}); the first: {failed[0]}',
            'Correct them, or allow more with --max-failed-share.',
        )
