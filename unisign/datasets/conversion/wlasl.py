"""WLASL: ``nslt_{100,300,1000,2000}.json`` with ``wlasl_class_list.txt``, and ``WLASL_v0.3.json`` for the signers."""

from pathlib import Path

from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.entry_values import split_of, value_of
from unisign.datasets.conversion.source_files import find_file, read_json, read_text
from unisign.structures import DataError


def read_wlasl(folder: Path, subset: int | None = None) -> Corpus:
    """Return the clips of one split file; ``train``, ``val`` and ``test`` are train, dev and test.

    ``frames`` are those of the source video; its first frame is 1 there and 0 here, and an end of -1 is the
    video's.

    Args:
        folder: holds ``nslt_N.json``, ``wlasl_class_list.txt`` and perhaps ``WLASL_v0.3.json``.
        subset: N: 100, 300, 1000 or 2000.

    Raises:
        DataError: if a file is missing or laid out in another way; it names file and line or key.
    """
    path = find_file(folder, f'nslt_{subset}.json')
    words = _class_list(find_file(folder, 'wlasl_class_list.txt'))[:subset]
    signers = _signers(folder)
    corpus = Corpus(labels=words)
    for key, entry in read_json(path, dict).items():
        source = f'{path}, key {key!r}'
        action = value_of(entry, 'action', list, source)
        if len(action) != 3 or any(type(number) is not int for number in action):
            raise DataError(source, f"'action' should be [class, start, end], got {action}.")
        label, first, last = action
        if not 0 <= label < len(words):
            raise DataError(
                source, f'class {label} is none of the {len(words)} words.', 'Do the files belong together?'
            )
        if last != -1 and last < max(first, 1):
            corpus.left_out.append(f'{source}: its end {last} is before its start {first}')
            continue
        frames = (max(first - 1, 0), None if last == -1 else last)
        split = split_of(value_of(entry, 'subset', str, source), source)
        word = words[label]
        corpus.clips.append(CorpusClip(key, split, key, key, word, (word,), signers.get(key), frames))
    return corpus


def _class_list(path: Path) -> list[str]:
    """Return the words by class number from lines ``0<TAB>book``."""
    words: list[str] = []
    for line, content in enumerate(read_text(path).split('\n'), start=1):
        if not content.strip():
            continue
        number, _, word = content.strip().partition('\t')
        if number != str(len(words)) or not word.strip():
            raise DataError(f'{path}, line {line}', f'expected "{len(words)}<TAB>word", got {content.strip()!r}.')
        words.append(word.strip())
    return words


def _signers(folder: Path) -> dict[str, str]:
    """Return the signer of each clip, if ``WLASL_v0.3.json`` is there."""
    signers = {}
    for path in sorted(folder.glob('WLASL_v0.3.json')):
        for index, entry in enumerate(read_json(path, list)):
            source = f'{path}, entry {index}'
            for instance in value_of(entry, 'instances', list, source):
                signer = value_of(instance, 'signer_id', (int, str), source)
                signers[value_of(instance, 'video_id', str, source)] = str(signer)
    return signers
