"""Annotations: one clip a line, as JSON (design.md; docs/data_format.md has the table of keys)."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from unisign.structures import DataError

_EXAMPLE = '{"id": "clip_1", "poses": "clip_1.pkl", "text": "good morning", "lang": "en"}'


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is known about one clip.

    Attributes:
        id: unique within the file.
        video: path of the video, or None; one of ``video`` and ``poses`` is there.
        poses: ``x.pkl``, ``x.npz``, ``x.pose`` or ``STORE.lmdb#KEY``, or None.
        text: word (isolated signs) or sentence, or None.
        gloss: the glosses, in order; empty if unknown.
        lang: language of ``text`` and ``gloss``, a code such as ``en``, or None.
        signer: who signs, or None.
        start: first frame of the clip in the pose file and the video; None is 0.
        end: the frame behind the last one; None is the end.
    """

    id: str
    video: str | None = None
    poses: str | None = None
    text: str | None = None
    gloss: tuple[str, ...] = ()
    lang: str | None = None
    signer: str | None = None
    start: int | None = None
    end: int | None = None


_KEYS = tuple(field.name for field in fields(Annotation))
_TEXT_KEYS = ('video', 'poses', 'text', 'lang', 'signer')


class AnnotationFile:
    """The annotations of one JSON Lines file, checked when it is read.

    The lines are kept as bytes and parsed again when asked for: millions of small Python objects would be copied into
    every data worker as their reference counts change.

    Args:
        path: the file; empty lines are skipped, keys it does not know are left alone.
        check: called with each annotation that is kept; returns '' or what is wrong with it.
        keep: called with each annotation; those it returns False for are left out. None keeps all.

    Raises:
        DataError: if the file is missing or empty, or a line is wrong; it names file, line and key.
    """

    def __init__(
        self,
        path: str | Path,
        check: Callable[[Annotation], str] | None = None,
        keep: Callable[[Annotation], bool] | None = None,
    ) -> None:
        self.path = Path(path)
        try:
            self._data = self.path.read_bytes()
        except OSError as error:
            raise DataError(
                path, f'the annotation file cannot be read ({error.strerror}).', 'Check ann_file and data_root.'
            ) from error
        spans = []
        line_of: dict[str, int] = {}
        begin = 0
        for number, line in enumerate(self._data.split(b'\n'), start=1):
            if line.strip():
                annotation = self._read_line(line, number, line_of, check, keep)
                if annotation is not None:
                    spans.append((begin, begin + len(line)))
            begin += len(line) + 1
        if not line_of:
            raise DataError(path, 'the annotation file holds no clips.', f'Write one clip a line, such as {_EXAMPLE}')
        self._spans = np.array(spans, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._spans)

    def __getitem__(self, index: int) -> Annotation:
        begin, end = self._spans[index]
        return _annotation(json.loads(self._data[begin:end]))

    def _read_line(
        self,
        line: bytes,
        number: int,
        line_of: dict[str, int],
        check: Callable[[Annotation], str] | None,
        keep: Callable[[Annotation], bool] | None,
    ) -> Annotation | None:
        """Return the line's annotation, None if it is not kept."""
        annotation = None
        try:
            content = json.loads(line)
            problem = _problem(content)
        except ValueError as error:
            problem = f'this line is no JSON ({error})'
        if not problem:
            clip_id = content['id']
            if clip_id in line_of:
                problem = f'"id" {clip_id!r} is taken by line {line_of[clip_id]}'
            line_of[clip_id] = number
            annotation = _annotation(content)
            if keep is not None and not keep(annotation):
                annotation = None
            elif check is not None:
                problem = problem or check(annotation)
        if problem:
            raise DataError(f'{self.path}, line {number}', f'{problem}.', f'A line looks like this: {_EXAMPLE}')
        return annotation


def write_annotations(path: str | Path, annotations: Iterable[Annotation]) -> None:
    """Write ``annotations`` to ``path``, what is unknown left out, all or nothing."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    with part.open('w', encoding='utf-8') as file:
        for annotation in annotations:
            values = ((key, getattr(annotation, key)) for key in _KEYS)
            known = {key: value for key, value in values if value is not None and value != ()}
            file.write(json.dumps(known, ensure_ascii=False) + '\n')
    part.replace(path)


def _annotation(content: dict) -> Annotation:
    known = {key: content[key] for key in _KEYS if content.get(key) is not None}
    if 'gloss' in known:
        known['gloss'] = tuple(known['gloss'])
    return Annotation(**known)


def _problem(content: object) -> str:
    """Return what is wrong with one line's content, '' if nothing."""
    if not isinstance(content, dict):
        return f'expected an object {{..}}, got {type(content).__name__}'
    clip_id = content.get('id')
    if not isinstance(clip_id, str) or not clip_id:
        return f'"id" should be a text, got {clip_id!r}' if 'id' in content else f'no "id" among {sorted(content)}'
    for key in _TEXT_KEYS:
        if not isinstance(content.get(key), str | None):
            return f'"{key}" of {clip_id!r} should be a text, got {content[key]!r}'
    if not content.get('video') and not content.get('poses'):
        return f'{clip_id!r} has neither "video" nor "poses", only {sorted(content)}'
    gloss = content.get('gloss')
    if gloss is not None and not (isinstance(gloss, list) and all(isinstance(word, str) for word in gloss)):
        return f'"gloss" of {clip_id!r} should be a list of texts, got {gloss!r}'
    return _range_problem(clip_id, content)


def _range_problem(clip_id: str, content: dict) -> str:
    start, end = content.get('start'), content.get('end')
    for key, value in (('start', start), ('end', end)):
        if value is not None and (type(value) is not int or value < 0):
            return f'"{key}" of {clip_id!r} should be a frame number, 0 or more, got {value!r}'
    if end is not None and end <= (start or 0):
        return f'"end" {end} of {clip_id!r} should be larger than "start" {start or 0}'
    return ''
