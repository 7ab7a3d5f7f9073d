"""YouTube-ASL: a list of video ids, and for each video its captions as WebVTT or json3; each caption is a clip."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import seconds_of, value_of
from unisign.datasets.conversion.source_files import find_file, read_json, read_text
from unisign.structures import DataError

_VIDEO_ID = re.compile(r'[\w-]{11}')
_TIMES = re.compile(r'\s*([\d:.]+)\s+-->\s+([\d:.]+)(\s.*)?')
Caption = tuple[int, int, str]


def read_youtube_asl(folder: Path, subset: int | None = None) -> Corpus:
    """Return a clip for each caption of the listed videos, all of them train.

    A clip is called after its video, its start and its end in milliseconds: ``abcdefghijk-00014100-00017266``.

    Args:
        folder: holds the list (``*video_ids.txt``, one id a line) and ``captions/`` with ``ID.vtt``, ``ID.en.vtt``,
            ``ID.json3`` or ``ID.en.json3``; a video without captions is left out and named.
        subset: not used.

    Raises:
        DataError: if a file is missing or laid out in another way; it names file and line.
    """
    ids = find_file(folder, '*video_ids.txt')
    captions = _caption_files(folder / 'captions')
    corpus = Corpus()
    for line, content in enumerate(read_text(ids).split('\n'), start=1):
        video = content.strip()
        if not video:
            continue
        if not _VIDEO_ID.fullmatch(video):
            raise DataError(f'{ids}, line {line}', f'expected the 11 letters of a YouTube video id, got {video!r}.')
        if video not in captions:
            corpus.left_out.append(f'{ids}, line {line}: no captions for {video}')
            continue
        path = captions[video]
        seen = set[str]()
        for start, end, text in _json3(path) if path.suffix == '.json3' else _web_vtt(path):
            name = f'{video}-{start:08d}-{end:08d}'
            if not 0 <= start < end:
                corpus.left_out.append(f'{path}: the end of {text!r} is not behind its start: {start, end} ms')
            elif name not in seen:
                corpus.clips.append(CorpusClip(name, 'train', name, video, text, seconds=(start / 1000, end / 1000)))
            seen.add(name)
    return corpus


def _caption_files(folder: Path) -> dict[str, Path]:
    """Return the caption file of each video; the first by name where it has several."""
    files: dict[str, Path] = {}
    for path in sorted([*folder.glob('*.vtt'), *folder.glob('*.json3')]):
        files.setdefault(path.name[:11], path)
    return files


def _web_vtt(path: Path) -> Iterator[Caption]:
    """Yield start and end in milliseconds and the text of each cue that has one."""
    lines = read_text(path).replace('\r\n', '\n').split('\n')
    if not lines[0].startswith('WEBVTT'):
        raise DataError(f'{path}, line 1', f'expected WEBVTT, got {lines[0][:40]!r}.', 'Download the captions again.')
    number = 1
    while number < len(lines):
        times = _TIMES.fullmatch(lines[number])
        number += 1
        if times is None:
            if '-->' in lines[number - 1]:
                raise DataError(f'{path}, line {number}', f'expected "start --> end", got {lines[number - 1]!r}.')
            continue
        start, end = (round(1000 * time) for time in seconds_of(times[1], times[2], f'{path}, line {number}'))
        words = []
        while number < len(lines) and lines[number].strip():
            words.append(re.sub(r'<[^>]*>', '', lines[number]))
            number += 1
        text = _plain(' '.join(words))
        if text:
            yield start, end, text


def _json3(path: Path) -> Iterator[Caption]:
    """Yield start and end in milliseconds and the text of each event that has one."""
    for index, event in enumerate(value_of(read_json(path, dict), 'events', list, str(path))):
        source = f'{path}, event {index}'
        if not isinstance(event, dict) or 'segs' not in event:
            continue  # windows and styles
        segments = value_of(event, 'segs', list, source)
        text = _plain(''.join(value_of(part, 'utf8', str, source) for part in segments))
        if not text:
            continue
        start, duration = (value_of(event, key, int, source) for key in ('tStartMs', 'dDurationMs'))
        yield start, start + duration, text


def _plain(text: str) -> str:
    """Return ``text`` without entities, invisible signs and needless blanks."""
    return ' '.join(html.unescape(text).replace('\u200b', '').split())
