"""MS-ASL: ``MSASL_{train,val,test}.json`` and ``MSASL_classes.json``."""

import re
from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import value_of
from unisign.datasets.conversion.source_files import find_splits, read_json
from unisign.structures import DataError

_YOUTUBE_ID = re.compile(r'(?:v=|youtu\.be/|embed/)([\w-]{11})')


def read_msasl(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips of the ``subset`` lowest labels; val is dev.

    The corpus gives its clips no names. Here one is called after its YouTube video, its split and its place in the list
    (from 0): ``abcdefghijk-train-00012``.

    Args:
        folder: holds the three lists, and ``MSASL_classes.json``; without it the entries name the classes.
        subset: 100, 200, 500 or 1000.

    Raises:
        DataError: if a file is missing or laid out in another way, or a class is called differently by two entries.
    """
    corpus = Corpus()
    classes = _classes(folder)
    for split, path in find_splits(folder, 'MSASL_{split}.json').items():
        for index, entry in enumerate(read_json(path, list)):
            source = f'{path}, entry {index}'
            label, word = value_of(entry, 'label', int, source), value_of(entry, 'text', str, source).strip()
            if subset is not None and label >= subset:
                continue
            if label < 0 or not word or classes.setdefault(label, word).lower() != word.lower():
                raise DataError(
                    source, f'label {label} is {classes.get(label)!r} elsewhere, here {word!r}.', 'Correct one of them.'
                )
            clip = _clip(entry, classes[label], split, index, source)
            if clip is None:
                corpus.left_out.append(f'{source}: its end is not behind its start')
            else:
                corpus.clips.append(clip)
    count = subset or max(classes, default=-1) + 1
    missing = [label for label in range(count) if label not in classes]
    if missing:
        raise DataError(folder, f'no word is known for label {missing[0]}.', 'Put MSASL_classes.json there.')
    corpus.labels = [classes[label] for label in range(count)]
    return corpus


def _classes(folder: Path) -> dict[int, str]:
    """Return the words by label from ``MSASL_classes.json``, nothing where it is missing."""
    classes: dict[int, str] = {}
    for path in folder.glob('MSASL_classes.json'):
        for label, word in enumerate(read_json(path, list)):
            if not isinstance(word, str) or not word.strip():
                raise DataError(f'{path}, entry {label}', f'expected a word, got {word!r}.')
            classes[label] = word.strip()
    return classes


def _clip(entry: dict, word: str, split: str, index: int, source: str) -> CorpusClip | None:
    url = value_of(entry, 'url', str, source)
    match = _YOUTUBE_ID.search(url)
    if match is None:
        raise DataError(source, f"'url' should be the address of a YouTube video, got {url!r}.")
    start, end = (value_of(entry, key, int, source) for key in ('start', 'end'))
    if not 0 <= start < end:
        return None
    name = f'{match[1]}-{split}-{index:05d}'
    signer = value_of(entry, 'signer_id', (int, str), source) if 'signer_id' in entry else None
    return CorpusClip(
        name, split, name, match[1], word, (word,), None if signer is None else str(signer), frames=(start, end)
    )
