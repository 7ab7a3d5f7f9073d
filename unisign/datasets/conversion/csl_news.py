"""CSL-News: ``CSL_News_Labels.json``, a list of ``{"video": "x.mp4", "pose": "x.pkl", "text": ".."}``."""

import re
from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import value_of
from unisign.datasets.conversion.source_files import find_file, read_json


def read_csl_news(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips: the first 99 % of the list are train, the last 1 % dev; there is no test.

    Raises:
        DataError: if the file is missing or laid out in another way; it names the entry.
    """
    path = find_file(folder, 'CSL_News_Labels.json')
    entries = read_json(path, list)
    corpus = Corpus()
    for index, entry in enumerate(entries):
        source = f'{path}, entry {index}'
        text = value_of(entry, 'text', str, source).strip()
        if not text:
            corpus.left_out.append(f'{source}: the text is empty')
            continue
        name = value_of(entry, 'pose', str, source).removesuffix('.pkl')
        split = 'train' if index < int(0.99 * len(entries)) else 'dev'
        # Common-Concerns_20200730_0-87_468436: programme, day, span, number
        recording = re.sub(r'_\d+-\d+_\d+$', '', Path(name).name)
        video_name = value_of(entry, 'video', str, source).removesuffix('.mp4')
        corpus.clips.append(CorpusClip(name, split, name, recording, text, video_name=video_name))
    return corpus
