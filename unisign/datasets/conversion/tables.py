"""The corpora of sentences that come as tables: How2Sign, OpenASL, PHOENIX14T."""

import re
from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import seconds_of, split_of
from unisign.datasets.conversion.source_files import find_file, find_splits, read_table

_HOW2SIGN = {
    'recording': ('VIDEO_NAME',),
    'name': ('SENTENCE_NAME',),
    'start': ('START_REALIGNED', 'START'),
    'end': ('END_REALIGNED', 'END'),
    'text': ('SENTENCE',),
}
_OPENASL = {
    'name': ('vid',),
    'recording': ('yid',),
    'start': ('start',),
    'end': ('end',),
    'text': ('raw-text', 'raw_text'),
    'split': ('split',),
}
_PHOENIX14T = {
    'name': ('name',),
    'signer': ('speaker', 'signer'),
    'gloss': ('orth',),
    'text': ('translation',),
}


def read_how2sign(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips of ``how2sign_realigned_{train,val,test}.csv`` (tab-separated), or of the ones not realigned.

    Raises:
        DataError: if a file is missing or laid out in another way; it names file and line.
    """
    corpus = Corpus()
    patterns = [f'how2sign_{middle}{{split}}.{suffix}' for middle in ('realigned_', '') for suffix in ('csv', 'tsv')]
    for split, path in find_splits(folder, *patterns).items():
        for line, row in read_table(path, _HOW2SIGN):
            source = f'{path}, line {line}'
            seconds, name = seconds_of(row['start'], row['end'], source), row['name']
            _add(corpus, source, CorpusClip(name, split, name, row['recording'], row['text'], seconds=seconds))
    return corpus


def read_openasl(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips of ``openasl-v1.0.tsv``; the target is the text as it was written (``raw-text``).

    Raises:
        DataError: if the file is missing or laid out in another way; it names file and line.
    """
    corpus = Corpus()
    path = find_file(folder, 'openasl-v1.0.tsv', 'openasl*.tsv')
    for line, row in read_table(path, _OPENASL):
        source = f'{path}, line {line}'
        split, name = split_of(row['split'], source), row['name']
        seconds = seconds_of(row['start'], row['end'], source)
        _add(corpus, source, CorpusClip(name, split, name, row['recording'], row['text'], seconds=seconds))
    return corpus


def read_phoenix14t(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips of ``PHOENIX-2014-T.{train,dev,test}.corpus.csv`` (separated by ``|``).

    Raises:
        DataError: if a file is missing or laid out in another way; it names file and line.
    """
    corpus = Corpus()
    for split, path in find_splits(folder, 'PHOENIX-2014-T.{split}.corpus.csv').items():
        for line, row in read_table(path, _PHOENIX14T):
            # 11August_2010_Wednesday_tagesschau-1: the number counts the sentences of one programme
            recording = re.sub(r'-\d+$', '', row['name'])
            gloss = tuple(row['gloss'].split())
            clip = CorpusClip(row['name'], split, row['name'], recording, row['text'], gloss, row['signer'] or None)
            _add(corpus, f'{path}, line {line}', clip)
    return corpus


def _add(corpus: Corpus, source: str, clip: CorpusClip) -> None:
    if not clip.id or not clip.text:
        corpus.left_out.append(f'{source}: the {"text" if clip.id else "name"} is empty')
    elif clip.seconds is not None and not 0 <= clip.seconds[0] < clip.seconds[1] < float('inf'):
        corpus.left_out.append(f'{source}: its end is not behind its start: {clip.seconds}')
    else:
        corpus.clips.append(clip)
