"""The published Uni-Sign labels: a gzip'd pickle for each split (spec.md, section 2).

Each holds ``{id: {'name', 'gloss': [..] or '', 'text', 'video_path': 'x.mp4'}}`` and is called ``labels.train`` or, for
one of several vocabularies, ``labels-2000.train``.
"""

import re
from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import texts_of, value_of
from unisign.datasets.conversion.source_files import find_splits, read_pickle
from unisign.structures import DataError

# What a clip's name says about the recording it was cut from, and the signer (CSL-Daily).
_HOW2SIGN = re.compile(r'(?P<recording>.+)_\d+-\d+-rgb_front')
_OPENASL = re.compile(r'(?P<recording>[\w-]{11})-\d\d\D\d\d\D\d\d\.\d+-.*')
_CSL_DAILY = re.compile(r'S\d+_(?P<signer>P\d+)_T\d+')


def read_published(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips of the published pickles in ``folder``; ``subset`` is the number in their names.

    Raises:
        DataError: if the files are missing, refused or laid out in another way; it names file and key.
    """
    middle = '' if subset is None else f'-{subset}'
    patterns = [f'labels{middle}.{{split}}', f'labels{middle}.{{split}}.gz', f'labels{middle}.{{split}}.pkl']
    corpus = Corpus()
    for split, path in find_splits(folder, *patterns).items():
        entries = read_pickle(path)
        if not isinstance(entries, dict):
            raise DataError(path, f'expected a dict of clips, got a {type(entries).__name__}.')
        for key, entry in entries.items():
            source = f'{path}, key {key!r}'
            clip = _clip(entry, split, source)
            if clip.text is None and not clip.gloss:
                corpus.left_out.append(f'{source}: text and gloss are empty')
            else:
                corpus.clips.append(clip)
    if subset is not None:
        words = {clip.text or ' '.join(clip.gloss) for clip in corpus.clips}
        corpus.labels = sorted(words)
    return corpus


def _clip(entry: object, split: str, source: str) -> CorpusClip:
    name = value_of(entry, 'name', str, source)
    stem = value_of(entry, 'video_path', str, source).removesuffix('.mp4')
    match = next((match for form in (_HOW2SIGN, _OPENASL, _CSL_DAILY) if (match := form.fullmatch(name))), None)
    known = match.groupdict() if match else {}
    return CorpusClip(
        id=name,
        split=split,
        name=stem,
        recording=known.get('recording', name),
        text=value_of(entry, 'text', str, source).strip() or None,
        gloss=texts_of(entry, 'gloss', source),
        signer=known.get('signer'),
    )
