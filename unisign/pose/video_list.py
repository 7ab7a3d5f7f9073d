"""Which videos are to be looked at, and which of them are this process's share."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unisign.structures import DataError

VIDEO_SUFFIXES = ('.mp4', '.mov', '.mkv', '.webm', '.avi', '.m4v', '.mpg', '.mpeg', '.ts')
_LISTS = 'A list has one path a line, or JSON Lines with "video" and, if wished, "id".'


@dataclass(frozen=True)
class Video:
    """One video.

    Attributes:
        id: name of the clip; its poses are written under it. May have folders in it.
        path: the file.
    """

    id: str
    path: Path


def find_videos(source: str | Path) -> list[Video]:
    """Return the videos below a folder, or in a list, sorted by id.

    Args:
        source: a folder, searched with all folders in it: an id is the path in the folder, without suffix. Or a text
            file with one path a line (id: the name without suffix), or annotations (``.jsonl``). Relative paths in a
            list start from the list's folder.

    Raises:
        DataError: if nothing is there, a line cannot be read, or two videos have the same id.
    """
    source = Path(source)
    if source.is_dir():
        paths = (path for path in source.rglob('*') if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
        videos = [Video(path.relative_to(source).with_suffix('').as_posix(), path) for path in paths]
    elif source.is_file():
        videos = list(_listed(source))
    else:
        raise DataError(source, 'there is no such folder or list.', _LISTS)
    if not videos:
        raise DataError(source, f'holds no videos ({", ".join(VIDEO_SUFFIXES)}).', _LISTS)
    return _without_twins(sorted(videos, key=lambda video: video.id), source)


def _listed(source: Path) -> Iterator[Video]:
    for number, line in enumerate(source.read_text(encoding='utf-8').splitlines(), start=1):
        if not line.strip():
            continue
        if source.suffix != '.jsonl':
            path = source.parent / line.strip()
            yield Video(path.stem, path)
            continue
        try:
            record = json.loads(line)
            path = source.parent / record['video']
            yield Video(str(record.get('id', path.stem)), path)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f'{source}:{number}', f'is no JSON object with "video" ({error!r}).', _LISTS) from error


def _without_twins(videos: list[Video], source: Path) -> list[Video]:
    kept: dict[str, Video] = {}
    for video in videos:
        if os.path.isabs(video.id) or '..' in Path(video.id).parts or not video.id.strip():  # noqa: PTH117 - a name
            raise DataError(source, f'the id {video.id!r} would be written outside the folder.', 'Choose another id.')
        if video.id in kept and kept[video.id].path != video.path:
            raise DataError(
                source,
                f'{kept[video.id].path} and {video.path} have the same id {video.id!r}.',
                'Rename one, or give a list (.jsonl) with ids.',
            )
        kept[video.id] = video
    return list(kept.values())


@dataclass(frozen=True)
class Share:
    """One of ``count`` equal shares; ``index`` is 0..count-1.

    Raises:
        ValueError: if there is no such share.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(f'share {self.index} of {self.count} does not exist: they are 0..{self.count - 1}')

    def of(self, videos: Sequence[Video]) -> list[Video]:
        """Return every ``count``-th of ``videos``, from ``index`` on."""
        return list(videos[self.index :: self.count])


def share_of_process(environment: Mapping[str, str]) -> Share:
    """Return the share of this process, from the environment in which it was started.

    ``torchrun`` sets RANK and WORLD_SIZE, ``srun`` SLURM_PROCID and SLURM_NTASKS, and a SLURM array
    SLURM_ARRAY_TASK_ID, _MIN, _COUNT and _STEP; an array of jobs with several processes each is divided by both.

    Args:
        environment: ``os.environ``.
    """
    if 'RANK' in environment:
        inner = Share(int(environment['RANK']), int(environment['WORLD_SIZE']))
    elif 'SLURM_PROCID' in environment and 'SLURM_STEP_ID' in environment:  # started by srun, not only in a job
        inner = Share(int(environment['SLURM_PROCID']), int(environment.get('SLURM_NTASKS', 1)))
    else:
        inner = Share()
    if 'SLURM_ARRAY_TASK_ID' not in environment:
        return inner
    first, step = int(environment.get('SLURM_ARRAY_TASK_MIN', 0)), int(environment.get('SLURM_ARRAY_TASK_STEP', 1))
    place = (int(environment['SLURM_ARRAY_TASK_ID']) - first) // max(step, 1)
    return Share(place * inner.count + inner.index, int(environment['SLURM_ARRAY_TASK_COUNT']) * inner.count)
