"""CSL-Daily's own files: ``csl2020ct_v2.pkl`` and ``split_1.txt``."""

from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import split_of, texts_of, value_of
from unisign.datasets.conversion.source_files import find_file, read_pickle, read_table


def read_csl_daily(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips that ``split_1.txt`` lists; the sentence is the characters joined, ``P0000`` the signer.

    A clip that is listed but has no entry (``S000005_P0004_T00`` is known) is left out and named.

    Raises:
        DataError: if a file is missing or laid out in another way; it names the line or entry.
    """
    path = find_file(folder, 'csl2020ct_v2.pkl', 'csl2020ct*.pkl')
    entries = {}
    for index, entry in enumerate(value_of(read_pickle(path), 'info', (list, tuple), str(path))):
        entries[value_of(entry, 'name', str, f'{path}, info {index}')] = index, entry
    corpus = Corpus()
    splits = find_file(folder, 'split_1.txt', 'split*.txt')
    for line, row in read_table(splits, {'name': ('name',), 'split': ('split',)}):
        name = row['name']
        split = split_of(row['split'], f'{splits}, line {line}')
        if name not in entries:
            corpus.left_out.append(f'{splits}, line {line}: {name} has no entry in {path.name}')
            continue
        index, entry = entries[name]
        source = f'{path}, info {index} ({name})'
        text = ''.join(texts_of(entry, 'label_char', source))
        gloss = texts_of(entry, 'label_gloss', source)
        if not text and not gloss:
            corpus.left_out.append(f'{source}: text and gloss are empty')
            continue
        signer = next((part for part in name.split('_') if part.startswith('P')), None)
        corpus.clips.append(CorpusClip(name, split, name, name, text or None, gloss, signer))
    return corpus
