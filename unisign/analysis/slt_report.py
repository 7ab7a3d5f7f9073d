"""Translation, sentence by sentence: scores, lengths, and how much of the reference is found."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from unisign.analysis.report_files import check_references
from unisign.evaluation import Prediction
from unisign.evaluation.functional import (
    bleu_of_counts,
    chrf,
    prepare_hypothesis,
    prepare_reference,
    sentence_bleus,
    sentence_rouge_l,
)
from unisign.evaluation.metrics import languages_of
from unisign.structures import DataError

ORDERS = (1, 2, 3, 4)
# Sentences are grouped by words of the reference: up to the first number, up to the second, ..; the rest is one more.
BUCKETS = (5, 10, 15, 20, 30)
# A word or phrase that follows itself so often is a loop.
_LOOP = 3


@dataclass(frozen=True)
class Sentence:
    """One clip.

    Attributes:
        clip: its prediction.
        bleu: BLEU-4 of the sentence by itself, 0..100.
        rouge_l: ROUGE-L, 0..100.
        counts: n-grams of the prediction that the reference has too, for n from 1 to 4.
        totals: n-grams of the prediction.
        length: words of the prediction, as BLEU counts them: characters in Chinese, punctuation is a word.
        reference_length: words of the reference.
        loops: a word or phrase follows itself three times or more in the prediction, and not in the reference.
    """

    clip: Prediction
    bleu: float
    rouge_l: float
    counts: tuple[int, ...]
    totals: tuple[int, ...]
    length: int
    reference_length: int
    loops: bool

    @property
    def length_ratio(self) -> float | None:
        """Words of the prediction per word of the reference; None if that is empty."""
        return self.length / self.reference_length if self.reference_length else None


@dataclass(frozen=True)
class Group:
    """Some sentences together.

    Attributes:
        clips: their number.
        scores: BLEU-1 to 4 of the group as a whole, and ROUGE-L, 0..100.
        length_ratio: words of the predictions per word of the references.
        coverage: share of the n-grams of the references that the predictions have, for n from 1 to 4, in percent;
            None where no reference is so long.
    """

    clips: int
    scores: dict[str, float]
    length_ratio: float | None
    coverage: tuple[float | None, ...]


@dataclass(frozen=True)
class SltReport:
    """Translation of a set.

    Attributes:
        whole: all sentences; ``scores`` has chrF too.
        mean_sentence_bleu: mean of the sentences' BLEU-4, 0..100; not the set's BLEU.
        buckets: name -> sentences with references of so many words, short ones first.
        languages: language -> its sentences; empty if there is only one.
        sentences: the worst first, by BLEU-4, then ROUGE-L, then in the order of their ids.
        empty: predictions without a word.
        loops: predictions in which something is repeated (see ``Sentence``).
        repeated: predictions that stand for two or more different references.
        frequent: such predictions with the number of their clips, the most frequent first.
        vocabulary: distinct words of the references, and how many of them are in any prediction.
    """

    whole: Group
    mean_sentence_bleu: float
    buckets: dict[str, Group]
    languages: dict[str, Group]
    sentences: tuple[Sentence, ...]
    empty: int
    loops: int
    repeated: int
    frequent: tuple[tuple[str, int], ...]
    vocabulary: tuple[int, int]


def report_slt(clips: Sequence[Prediction], lang: str | None = None, source: str | Path = 'predictions') -> SltReport:
    """Return the report of the predictions of translation.

    Args:
        clips: one prediction per clip.
        lang: language of all texts; None: that of each prediction.
        source: the file they came from, for errors.

    Raises:
        DataError: if no clip has a reference, or a clip's language is not known.
    """
    check_references(source, clips, each=False)
    try:
        langs = languages_of(list(clips), lang)
    except DataError as error:
        raise DataError(source, f'{error.source}: {error.problem}', error.advice) from error
    references = [prepare_reference(clip.ref, own) for clip, own in zip(clips, langs, strict=True)]
    hypotheses = [prepare_hypothesis(clip.pred, own) for clip, own in zip(clips, langs, strict=True)]
    sentences, vocabulary = _sentences(clips, references, hypotheses)
    whole = group(sentences)
    whole.scores['chrf'] = chrf(references, hypotheses)
    frequent = _repeated(clips)
    return SltReport(
        whole,
        float(np.mean([one.bleu for one in sentences])),
        _buckets(sentences),
        _by_language(sentences, langs),
        tuple(sorted(sentences, key=lambda one: (one.bleu, one.rouge_l, one.clip.key))),
        sum(not one.length for one in sentences),
        sum(one.loops for one in sentences),
        sum(count for _, count in frequent),
        tuple(frequent),
        vocabulary,
    )


def _sentences(
    clips: Sequence[Prediction], references: Sequence[str], hypotheses: Sequence[str]
) -> tuple[list[Sentence], tuple[int, int]]:
    """Return the sentences in the order of ``clips``, and the size of the vocabulary with how much of it is found."""
    tokenize = Tokenizer13a()
    wanted_words: set[str] = set()
    written_words: set[str] = set()
    sentences = []
    for clip, reference, hypothesis, bleu, rouge in zip(
        clips, references, hypotheses, sentence_bleus(references, hypotheses),
        sentence_rouge_l(references, hypotheses), strict=True,
    ):  # fmt: skip
        wanted, written = tokenize(reference).split(), tokenize(hypothesis).split()
        wanted_words.update(wanted)
        written_words.update(written)
        loops = has_loop(written) and not has_loop(wanted)
        counts, totals = tuple(map(int, bleu.counts)), tuple(map(int, bleu.totals))
        sentences.append(Sentence(clip, bleu.score, rouge, counts, totals, len(written), len(wanted), loops))
    return sentences, (len(wanted_words), len(wanted_words & written_words))


def has_loop(words: Sequence[str]) -> bool:
    """Tell whether a word, or a phrase of up to four words, follows itself twice or more (``a b a b a b``)."""
    for size in ORDERS:
        run = 0
        for place in range(size, len(words)):
            run = run + 1 if words[place] == words[place - size] else 0
            if run >= (_LOOP - 1) * size:
                return True
    return False


def group(sentences: Sequence[Sentence]) -> Group:
    """Return what is known of some sentences together."""
    counts, totals = (np.sum([getattr(one, name) for one in sentences], axis=0) for name in ('counts', 'totals'))
    length, wanted = sum(one.length for one in sentences), sum(one.reference_length for one in sentences)
    scores = bleu_of_counts(counts.tolist(), totals.tolist(), length, wanted)
    scores['rouge_l'] = float(np.mean([one.rouge_l for one in sentences]))
    ngrams = [sum(max(0, one.reference_length - order + 1) for one in sentences) for order in ORDERS]
    coverage = tuple(
        100 * int(count) / number if number else None for count, number in zip(counts, ngrams, strict=True)
    )
    return Group(len(sentences), scores, length / wanted if wanted else None, coverage)


def _buckets(sentences: Sequence[Sentence]) -> dict[str, Group]:
    names = [f'{low + 1}-{high}' for low, high in zip((0, *BUCKETS), BUCKETS, strict=False)] + [f'over {BUCKETS[-1]}']
    found: dict[int, list[Sentence]] = defaultdict(list)
    for one in sentences:
        found[int(np.searchsorted(BUCKETS, one.reference_length))].append(one)
    return {names[place]: group(found[place]) for place in sorted(found)}


def _by_language(sentences: Sequence[Sentence], langs: Sequence[str]) -> dict[str, Group]:
    found: dict[str, list[Sentence]] = defaultdict(list)
    for one, lang in zip(sentences, langs, strict=True):
        found[lang].append(one)
    return {lang: group(found[lang]) for lang in sorted(found)} if len(found) > 1 else {}


def _repeated(clips: Sequence[Prediction]) -> list[tuple[str, int]]:
    """Return predictions that were given for different references, with their numbers of clips."""
    references: dict[str, set[str]] = defaultdict(set)
    for clip in clips:
        references[clip.pred].add(clip.ref)
    counts = Counter(clip.pred for clip in clips)
    repeated = [(text, counts[text]) for text, own in references.items() if len(own) > 1 and text.strip()]
    return sorted(repeated, key=lambda one: (-one[1], one[0]))
