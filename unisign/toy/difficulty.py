"""How hard the toy corpus is: what readers without a model reach, and whether the splits are disjoint.

Each check gives a ``Finding``: a figure, and the range it should lie in for the corpus to be worth training on.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from unisign.datasets.transforms.part_normalization import normalize_parts
from unisign.evaluation.functional import score_slt
from unisign.stores import PoseFiles
from unisign.structures import KEYPOINT_MIRROR, DataError, Poses
from unisign.toy.lexicon import GLOSSES, MOUTH_PAIRS, SIGNS
from unisign.toy.nearest_neighbours import dtw_distances, pad_clips, vote

_MANUAL, _ALL = ('body', 'left', 'right'), ('body', 'left', 'right', 'face_all')
_LONGEST_PHRASE = 4
_LIPS = slice(9, 17)  # inner lips in the part face_all


@dataclass(frozen=True)
class Finding:
    """One figure about the corpus.

    Attributes:
        name: what was measured.
        value: the figure.
        lowest, highest: the range it should lie in.
        unit: ``%``, ``BLEU-4`` or a noun.
    """

    name: str
    value: float
    lowest: float
    highest: float
    unit: str

    @property
    def good(self) -> bool:
        """Whether the figure lies in its range."""
        return self.lowest <= self.value <= self.highest

    def __str__(self) -> str:
        wanted = f'{self.lowest:g} to {self.highest:g}'
        if self.lowest == self.highest:
            wanted = f'{self.lowest:g}'
        elif self.highest == np.inf:
            wanted = f'at least {self.lowest:g}'
        elif self.lowest == 0:
            wanted = f'at most {self.highest:g}'
        return f'{"ok  " if self.good else "BAD "} {self.name}: {self.value:.4g} {self.unit} (wanted: {wanted})'


@dataclass(frozen=True)
class Clip:
    """One clip of a split: its annotation and, for isolated signs, its poses."""

    entry: dict[str, Any]
    poses: Poses | None = None

    @property
    def label(self) -> str:
        """The gloss of an isolated sign."""
        return self.entry['gloss'][0]

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """X and y of the four parts as the model reads them."""
        return self._parts(mirrored=False)

    @cached_property
    def mirrored_parts(self) -> dict[str, np.ndarray]:
        """The same of the mirrored clip."""
        return self._parts(mirrored=True)

    def _parts(self, mirrored: bool) -> dict[str, np.ndarray]:
        if self.poses is None:
            raise ValueError(f'{self.entry["id"]} was read without its poses')
        keypoints, scores = self.poses.keypoints, self.poses.scores
        if mirrored:
            mirror = list(KEYPOINT_MIRROR)
            keypoints = np.array([1, 0], np.float32) + keypoints[:, mirror] * np.array([-1, 1], np.float32)
            scores = scores[:, mirror]
        return {name: part[..., :2].copy() for name, part in normalize_parts(keypoints, scores).items()}


def read_split(corpus: Path, name: str, with_poses: bool = False) -> list[Clip]:
    """Return the clips of ``annotations/<name>.jsonl`` of a toy corpus.

    Raises:
        DataError: if ``corpus`` has no such file.
    """
    path = corpus / 'annotations' / f'{name}.jsonl'
    if not path.is_file():
        raise DataError(path, 'no such file; expected a toy corpus.', 'Make one: python tools/data/make_toy.py OUT')
    entries = [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines()]
    if not with_poses:
        return [Clip(entry) for entry in entries]
    store = PoseFiles(path.parent)
    return [Clip(entry, store.read(entry['poses'])) for entry in entries]


def examine(corpus: Path) -> Iterator[Finding]:
    """Yield every finding about the toy corpus in the folder ``corpus``."""
    yield from examine_splits(corpus)
    yield from examine_word_for_word(corpus)
    train, test = (read_split(corpus, f'islr_{split}', with_poses=True) for split in ('train', 'test'))
    yield from examine_neighbours(train, test)
    yield from examine_mouth_pairs(train, test)


def examine_splits(corpus: Path) -> Iterator[Finding]:
    """Yield how much train, dev and test share, and how much there is."""
    tasks = {'islr': 'islr_train', 'slt': 'pretrain_train'}
    signers: dict[str, set[str]] = defaultdict(set)
    signs: dict[str, set[tuple[str, ...]]] = {}
    texts: dict[str, set[str]] = {}
    for split in ('train', 'dev', 'test'):
        for task, train in tasks.items():
            clips = read_split(corpus, train if split == 'train' else f'{task}_{split}')
            signers[split] |= {clip.entry['signer'] for clip in clips}
            if task == 'slt':
                signs[split] = {tuple(clip.entry['gloss']) for clip in clips}
                texts[split] = {clip.entry['text'] for clip in clips}
    for name, sets in (('signers', signers), ('sentences (as signs)', signs), ('sentences (as texts)', texts)):
        shared = sum(len(sets[a] & sets[b]) for a, b in (('train', 'dev'), ('train', 'test'), ('dev', 'test')))
        yield Finding(f'{name} in two splits', shared, 0, 0, name)
    sentences = read_split(corpus, 'slt_train')
    yield Finding('training sentences', len({clip.entry['text'] for clip in sentences}), 1500, np.inf, 'texts')
    counts = Counter(gloss for clip in sentences for gloss in clip.entry['gloss'])
    yield Finding('rarest sign in training sentences', min(counts[gloss] for gloss in GLOSSES), 60, np.inf, 'times')


def examine_word_for_word(corpus: Path) -> Iterator[Finding]:
    """Yield BLEU-4 of replacing each sign by words, in the signs' order, for both languages.

    The words are the lexicon's, or the phrase most strongly tied to the sign in the training sentences.
    """
    train, test = read_split(corpus, 'pretrain_train'), read_split(corpus, 'slt_test')
    for lang, name in (('en', 'English'), ('zh', 'Chinese')):
        references = [clip for clip in test if clip.entry['lang'] == lang]
        lexicon = {gloss: sign.english if lang == 'en' else sign.chinese for gloss, sign in SIGNS.items()}
        learned = learn_phrases([clip for clip in train if clip.entry['lang'] == lang], lang)
        for source, words in (('lexicon', lexicon), ('learned phrases', lexicon | learned)):
            texts = [_replace_signs(clip.entry['gloss'], words, lang) for clip in references]
            score = score_slt([clip.entry['text'] for clip in references], texts, lang)['bleu4']
            yield Finding(f'word for word, {name}, {source}', score, 0, 30, 'BLEU-4')


def learn_phrases(clips: Sequence[Clip], lang: str) -> dict[str, str]:
    """Return for each gloss the phrase (up to 4 words, or characters in Chinese) that comes and goes with it most.

    The tie is the Dice coefficient of the sentences that hold the gloss and those that hold the phrase.
    """
    phrase_counts: Counter[tuple[str, ...]] = Counter()
    gloss_counts: Counter[str] = Counter()
    joint_counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for clip in clips:
        units = _units(clip.entry['text'], lang)
        phrases = {
            tuple(units[start : start + length])
            for length in range(1, _LONGEST_PHRASE + 1)
            for start in range(len(units) - length + 1)
        }
        phrase_counts.update(phrases)
        for gloss in set(clip.entry['gloss']):
            gloss_counts[gloss] += 1
            joint_counts[gloss].update(phrases)
    learned = {}
    for gloss, joint in joint_counts.items():
        ties = [
            (2 * both / (gloss_counts[gloss] + phrase_counts[phrase]), len(phrase), phrase)
            for phrase, both in joint.items()
        ]
        learned[gloss] = _join(max(ties)[2], lang)
    return learned


def _units(text: str, lang: str) -> list[str]:
    return text[:-1].lower().split() if lang == 'en' else list(text[:-1])


def _join(units: Sequence[str], lang: str) -> str:
    return (' ' if lang == 'en' else '').join(units)


def _replace_signs(glosses: Sequence[str], words: dict[str, str], lang: str) -> str:
    text = _join([words[gloss] for gloss in glosses], lang)
    asked = glosses[-1] in ('WHAT', 'WHO', 'WHERE', 'QUESTION')
    end = ('?' if asked else '.') if lang == 'en' else ('？' if asked else '。')
    return text[0].upper() + text[1:] + end


def examine_neighbours(train: Sequence[Clip], test: Sequence[Clip]) -> Iterator[Finding]:
    """Yield the accuracy of nearest neighbours on isolated signs of unseen signers."""
    truth = [clip.label for clip in test]
    plain = _classify(train, test, _ALL)
    yield Finding('5-NN with DTW, unseen signers', _accuracy(plain, truth), 0, 85, '%')
    mirrored = _classify(train, test, _ALL, mirror=True)
    yield Finding('5-NN with DTW, mirrored training clips added', _accuracy(mirrored, truth), 0, 85, '%')
    yield Finding('5-NN with DTW: far above guessing', _accuracy(plain, truth), 10 * 100 / len(set(truth)), 100, '%')


def examine_mouth_pairs(train: Sequence[Clip], test: Sequence[Clip]) -> Iterator[Finding]:
    """Yield how well signs that differ in the mouth alone are told apart within their pair, without and by the lips."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for pair in MOUTH_PAIRS:
        bank, queries = ([clip for clip in clips if clip.label in pair] for clips in (train, test))
        truth = [clip.label for clip in queries]
        for name, guesses in (
            ('manual', _classify(bank, queries, _MANUAL)),
            ('lips', _classify_lips(bank, queries)),
        ):
            hits[name] += [guess == label for guess, label in zip(guesses, truth, strict=True)]
    yield Finding('mouth pairs without the face, 5-NN', 100 * float(np.mean(hits['manual'])), 35, 65, '%')
    yield Finding('mouth pairs by the lips alone, nearest mean', 100 * float(np.mean(hits['lips'])), 90, 100, '%')


def _classify(
    train: Sequence[Clip], test: Sequence[Clip], part_names: Sequence[str], mirror: bool = False
) -> list[str]:
    labels = [clip.label for clip in train]
    clips = [_features(clip.parts, part_names) for clip in train]
    if mirror:
        clips += [_features(clip.mirrored_parts, part_names) for clip in train]
        labels += labels
    bank, lengths = pad_clips(clips)
    return [vote(dtw_distances(_features(clip.parts, part_names), bank, lengths), labels) for clip in test]


def _features(parts: dict[str, np.ndarray], part_names: Sequence[str]) -> np.ndarray:
    return np.concatenate([parts[name].reshape(len(parts[name]), -1) for name in part_names], axis=1)


def _classify_lips(train: Sequence[Clip], test: Sequence[Clip]) -> list[str]:
    """Return for each clip the label whose mean lips (over the middle half of the clip) are nearest."""

    def lips(clip: Clip) -> np.ndarray:
        frames = len(clip.parts['face_all'])
        middle = clip.parts['face_all'][frames // 4 : -(frames // 4), _LIPS]
        return np.ptp(middle, axis=1).mean(axis=0)  # width and height of the opening

    means = {label: np.mean([lips(clip) for clip in train if clip.label == label], axis=0) for label in
             dict.fromkeys(clip.label for clip in train)}  # fmt: skip
    return [min(means, key=lambda label: np.linalg.norm(lips(clip) - means[label])) for clip in test]


def _accuracy(guesses: Sequence[str], truth: Sequence[str]) -> float:
    return 100 * float(np.mean([guess == label for guess, label in zip(guesses, truth, strict=True)]))
