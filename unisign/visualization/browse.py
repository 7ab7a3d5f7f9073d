"""Pictures of a dataset's clips, as its own pipeline prepares them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine.config import Config
from PIL import Image

from unisign.datasets import SignDataset
from unisign.datasets.concat_sign_dataset import single_datasets
from unisign.registry import DATASETS
from unisign.structures import ClipError, DataError, Poses
from unisign.visualization.clip_view import ClipView
from unisign.visualization.contact_sheet import draw_contact_sheet, draw_frames
from unisign.visualization.fusion_explanation import explain_hands
from unisign.visualization.hand_view import choose_cards, hand_views
from unisign.visualization.video_io import read_frames, write_video

SPLITS = ('train', 'val', 'test')
DEFAULT_FRAME_RATE = 25.0  # where neither poses nor annotation say


def build_split(config: Config, split: str) -> list[SignDataset]:
    """Return the datasets of a config's ``train_dataloader``, ``val_dataloader`` or ``test_dataloader``.

    There are several where they are mixed (``ConcatSignDataset``).

    Raises:
        DataError: if the config has no such loader.
    """
    loader = config.get(f'{split}_dataloader')
    if not loader or 'dataset' not in loader:
        there = ', '.join(name for name in SPLITS if config.get(f'{name}_dataloader'))
        raise DataError(config.filename or 'config', f'has no {split}_dataloader.', f'It has: {there or "none"}.')
    return list(single_datasets(DATASETS.build(loader.dataset)))


def find_clips(dataset: SignDataset, number: int, clip_ids: Sequence[str] = ()) -> list[int]:
    """Return indices of the named clips, or of ``number`` clips evenly spread over the dataset.

    Raises:
        DataError: if a named clip is not there.
    """
    if clip_ids:
        place = {dataset.annotations[index].id: index for index in range(len(dataset))}
        unknown = [clip_id for clip_id in clip_ids if clip_id not in place]
        if unknown:
            some = ', '.join(list(place)[:5])
            raise DataError(dataset.ann_file, f'has no clip {", ".join(unknown)}.', f'Its first ones are {some}.')
        return [place[clip_id] for clip_id in clip_ids]
    return np.unique(np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round().astype(int)).tolist()


def find_in_all(
    datasets: Sequence[SignDataset], number: int, clip_ids: Sequence[str] = ()
) -> list[tuple[SignDataset, list[int]]]:
    """Return, for each dataset, what ``find_clips`` finds in it; a named clip need be in one of them only.

    Raises:
        DataError: if a named clip is in none.
    """
    found = []
    missing = set(clip_ids)
    for dataset in datasets:
        mine = clip_ids
        if clip_ids and len(datasets) > 1:
            own = {dataset.annotations[index].id for index in range(len(dataset))}
            mine = [clip_id for clip_id in clip_ids if clip_id in own]
            missing -= own
        found.append((dataset, find_clips(dataset, number, mine) if mine or not clip_ids else []))
    if missing and len(datasets) > 1:
        files = ', '.join(str(dataset.ann_file) for dataset in datasets)
        raise DataError(files, f'have no clip {", ".join(sorted(missing))}.', 'Check --clip-ids.')
    return found


def view_clip(dataset: SignDataset, index: int, epoch: int = 0, columns: int | None = None) -> ClipView:
    """Run the pipeline on one clip and return what it did.

    Args:
        dataset: a ``SignDataset``.
        index: clip.
        epoch: decides the augmentation together with seed and clip id, as in training.
        columns: read so many evenly spaced frames of the video; None reads every frame. Beside them, the frames are
            read whose crops of the hands are drawn.

    Raises:
        ClipError: if the clip's poses, or the pictures of its hands, cannot be read.
    """
    results = dataset.describe(index, epoch)
    before: Poses | None = None
    after: Poses | None = None
    parts: dict[str, np.ndarray] | None = None
    packed: dict | None = None
    hands: dict = {}
    loader: Any = None  # of the crops
    for step in dataset.pipeline:
        results = step(results)
        if 'poses' not in results:  # packed for the model: the poses themselves are gone
            packed = results
            break
        before = results['poses'] if before is None else before
        after, parts, hands = results['poses'], results.get('parts'), results.get('hands', {})
        loader = step if hands and loader is None else loader
    start = dataset.describe(index, epoch)
    if before is None or after is None:
        raise ClipError(start['clip_id'], 'the pipeline loads no poses, there is nothing to draw.')
    view = ClipView(start['clip_id'], before, after, parts, text=start['text'], facts=_facts(start, before, after))
    view.hands, view.packed = hand_views(hands), packed
    _read_video(view, start['video'], columns)
    _read_hand_frames(view, start['video'], loader, columns)
    return view


def _facts(start: dict, before: Poses, after: Poses) -> dict[str, str]:
    frames = f'{len(before)}' if len(before) == len(after) else f'{len(before)}, {len(after)} after the pipeline'
    facts = {
        'dataset': start['dataset'],
        'task': start['task'],
        'language': start['lang'],
        'signer': start['signer'],
        'frames': frames,
    }
    gloss = ' '.join(start['gloss'])
    if gloss and gloss != start['text']:
        facts['gloss'] = gloss
    return {name: str(value) for name, value in facts.items() if value}


def _read_video(view: ClipView, video: str | None, columns: int | None) -> None:
    if video is None or columns == 0:
        return
    if not Path(video).is_file():
        view.problem = f'No video at {video}.'
        return
    shown = range(len(view.after)) if columns is None else view.evenly_spaced(columns)
    ids = {view.frame_id(index) for index in shown}
    try:
        view.frames = read_frames(video, ids)
    except ClipError as error:
        view.problem = str(error)
    else:
        if len(view.frames) < len(ids):
            view.problem = f'The video ends before frame {max(ids)}: {video}.'


def _read_hand_frames(view: ClipView, video: str | None, loader: Any, columns: int | None) -> None:
    """Read the frames that the shown crops were cut from, as they were read before.

    Packed windows need no video; its frames are shown beside them where it is there and frames of it are shown anyway.
    """
    if video is None or getattr(loader, 'reader', None) is None:
        return
    if getattr(loader, 'windows', None) is not None and (columns == 0 or view.problem or not Path(video).is_file()):
        return
    cards = choose_cards(view.hands)
    wanted = {int(view.hands[side].video_frames[card]) for side, chosen in cards.items() for card in chosen}
    missing = np.array(sorted(wanted - set(view.frames)), dtype=np.int64)
    if len(missing):
        view.frames.update(zip(missing.tolist(), loader.reader.frames(video, missing), strict=True))


def browse(
    dataset: SignDataset,
    out_dir: str | Path,
    indices: Sequence[int],
    file_format: Literal['png', 'mp4'] = 'png',
    columns: int = 6,
    epoch: int = 0,
    font: str | None = None,
    model: Any = None,
) -> Iterator[tuple[str, Path | ClipError]]:
    """Draw clips to files and yield, for each, its id and the file, or the error that kept it from being read.

    Args:
        dataset: a ``SignDataset``.
        out_dir: folder for one file per clip, named after its id.
        indices: clips to draw.
        file_format: ``png``, a contact sheet, or ``mp4``, every frame.
        columns: frames on a contact sheet.
        epoch: whose augmentation is shown.
        font: font file for the text; None looks for an installed one.
        model: with a fusion, in evaluation mode: sheets show its sampling points and its gate.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    for index in indices:
        clip_id = dataset.annotations[index].id
        path = out_dir / f'{file_name(clip_id)}.{file_format}'
        try:
            view = view_clip(dataset, index, epoch, columns if file_format == 'png' else None)
        except ClipError as error:
            yield clip_id, error
            continue
        if model is not None:
            explain_hands(view, model)
        if file_format == 'png':
            Image.fromarray(draw_contact_sheet(view, columns, font=font)).save(path)
        else:
            write_video(path, draw_frames(view, font=font), view.before.frame_rate or DEFAULT_FRAME_RATE)
        yield clip_id, path


def file_name(clip_id: str) -> str:
    """Return the clip id with everything but letters, digits, ``.``, ``-`` and ``_`` replaced by ``_``."""
    return re.sub(r'[^\w.-]', '_', clip_id)
