"""Leaving out clips whose YouTube videos another corpus has too: OpenASL's test set is partly in YouTube-ASL."""

import re
from collections.abc import Iterable
from pathlib import Path

from unisign.datasets.annotations import AnnotationFile
from unisign.structures import DataError

# Clips of OpenASL, YouTube-ASL, How2Sign and (ours) MS-ASL are called after the 11 letters of their YouTube video.
_YOUTUBE_ID = re.compile(r'([\w-]{11})[-_]')


def youtube_id(clip_id: str) -> str | None:
    """Return the YouTube video that a clip's id begins with, None if it does not look like one."""
    match = _YOUTUBE_ID.match(clip_id)
    return match[1] if match else None


def filter_overlap(path: str | Path, others: Iterable[str | Path], out: str | Path) -> tuple[int, int]:
    """Write the clips of ``path`` whose videos no clip of ``others`` comes from, and return how many stay and go.

    Lines are copied as they are. Nothing is written if no clip would stay.

    Raises:
        DataError: if an annotation file is wrong, a clip's id begins with no YouTube video, or nothing would stay.
    """
    path, out = Path(path), Path(out)
    taken = {video for other in others for video in _videos(Path(other))}
    videos = _videos(path)
    lines = [line for line in path.read_bytes().split(b'\n') if line.strip()]
    kept = [line for line, video in zip(lines, videos, strict=True) if video not in taken]
    if not kept:
        raise DataError(path, f'each of its {len(lines)} clips is in the other corpora.', 'Nothing was written.')
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + '.part')
    part.write_bytes(b'\n'.join(kept) + b'\n')
    part.replace(out)
    return len(kept), len(lines) - len(kept)


def _videos(path: Path) -> list[str]:
    videos = []
    annotations = AnnotationFile(path)
    for clip_id in (annotations[index].id for index in range(len(annotations))):
        video = youtube_id(clip_id)
        if video is None:
            raise DataError(
                path,
                f'the id {clip_id!r} does not begin with the 11 letters of a YouTube video.',
                'Only corpora of YouTube videos can be compared: convert them by tools/data/convert_annotations.py.',
            )
        videos.append(video)
    return videos
