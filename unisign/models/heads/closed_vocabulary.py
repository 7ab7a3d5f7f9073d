"""``ClosedVocabulary``: the labels of a task as the only possible answers."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from unisign.models.heads.decoder_steps import TextDecoder
from unisign.models.heads.prefix_tree import PrefixTree
from unisign.models.heads.text_codec import TextCodec
from unisign.models.heads.tree_scoring import score_words, score_words_by_likelihood
from unisign.models.heads.tree_search import best_words
from unisign.models.language_models import T5Family
from unisign.structures import DataError

RANKINGS = ('tree', 'likelihood')


class ClosedVocabulary(nn.Module):
    """Ranks the labels of a task.

    Args:
        labels: the labels, all different.
        codec: text codec of the language model: labels are cut into tokens exactly as targets are.
        start_token: the decoder's start token.
        ranking: ``tree``: probabilities among the labels, adding up to 1; ``likelihood``: the language model's
            probability of the label among all texts.
        source: where the labels come from, for errors.

    Raises:
        DataError: for an unknown ranking, no labels, empty ones, or labels the language model cannot tell apart.
    """

    def __init__(
        self,
        labels: Sequence[str],
        codec: TextCodec,
        start_token: int,
        ranking: str = 'tree',
        source: object = 'labels',
    ) -> None:
        super().__init__()
        if ranking not in RANKINGS:
            raise DataError('model.head.ranking', f'{ranking!r} is not one of {", ".join(RANKINGS)}.')
        self.labels, self.ranking, self.source = list(labels), ranking, str(source)
        if not self.labels:
            raise DataError(source, 'no label; expected the words that may be answered.', 'List them, one a line.')
        if not all(label.strip() for label in self.labels):
            raise DataError(source, 'a label is empty.', 'Give every label a text.')
        sequences = [codec.target_ids(label) for label in self.labels]
        _refuse_twins(self.labels, sequences, source)
        self.tree = PrefixTree(sequences, start_token, only_choices=ranking == 'tree')

    def check_targets(self, targets: Counter[str], source: object, training: bool) -> list[str]:
        """Return a line for the log if a dev or test set has labels that are not in the vocabulary.

        Args:
            targets: the dataset's labels, with the number of clips of each.
            source: the dataset's file, for errors.
            training: whether it is trained on.

        Raises:
            DataError: if such labels are in training data, or none of the labels is in the vocabulary.
        """
        return report_lacking(targets, set(self.labels), self.source, source, training)

    def rank(self, model: T5Family | TextDecoder, states: Tensor, mask: Tensor, nbest: int) -> list[list[list]]:
        """Return for each clip its best labels ``[label, probability]``, best first.

        Args:
            model: T5-family model in evaluation mode, or what decodes in its place.
            states: encoder states [B, S, C].
            mask: [B, S]; 1 where a state counts.
            nbest: labels a clip, at most all.
        """
        log_probs, order = self._best(model, states, mask, min(nbest, len(self.labels)))
        return [
            [[self.labels[i], p] for i, p in zip(indices, values, strict=True)]
            for indices, values in zip(order.tolist(), log_probs.exp().tolist(), strict=True)
        ]

    def _best(self, model: T5Family | TextDecoder, states: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Return log probability and number of each clip's best labels, [B, count] both."""
        if self.ranking == 'tree' and states.device.type == 'cpu' and not isinstance(model, TextDecoder):
            found = best_words(model, self.tree, states, mask, count)
            if found is not None:
                return found
        score = score_words if self.ranking == 'tree' else score_words_by_likelihood
        best = score(model, self.tree, states, mask).topk(count, dim=1)
        return best.values, best.indices


def report_lacking(counts: Counter[str], known: set[str], vocabulary: str, source: object, training: bool) -> list[str]:
    """Return a line for the log if labels are not in the vocabulary; see ``ClosedVocabulary.check_targets``.

    Args:
        counts: the dataset's labels, with the number of clips of each.
        known: the vocabulary.
        vocabulary: where it comes from.
        source: the dataset's file, for errors.
        training: whether it is trained on.

    Raises:
        DataError: if such labels are in training data, or none of the labels is in the vocabulary.
    """
    lacking = [label for label in counts if label not in known]
    if not lacking:
        return []
    clips = sum(counts[label] for label in lacking)
    shown = ', '.join(map(repr, lacking[:6])) + (f' and {len(lacking) - 6} more' if len(lacking) > 6 else '')
    problem = f'{clips} clips have labels that are not in {vocabulary}: {shown}.'
    if training or len(lacking) == len(counts):
        raise DataError(source, problem, 'Add the labels to the vocabulary, or leave these clips out.')
    return [f'{source}: {problem} No answer to these clips can be right.']


def read_labels(labels: str | Path | Sequence[str]) -> list[str]:
    """Return labels given as a list, or as a file with one a line.

    Raises:
        DataError: if the file is missing or is no UTF-8 text.
    """
    if not isinstance(labels, str | Path):
        return list(labels)
    try:
        lines = Path(labels).read_text(encoding='utf-8').splitlines()
    except FileNotFoundError:
        raise DataError(
            labels, 'no such file; expected labels, one a line.', 'Check model.head.vocabularies.'
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(labels, f'cannot be read as UTF-8 text ({error}).', 'Give one label a line.') from error
    return [line.strip() for line in lines if line.strip()]


def _refuse_twins(labels: list[str], sequences: list[list[int]], source: object) -> None:
    counts = Counter(map(tuple, sequences))
    twins = [label for label, sequence in zip(labels, sequences, strict=True) if counts[tuple(sequence)] > 1]
    if twins:
        raise DataError(
            source,
            f'{len(twins)} labels are duplicates, or alike for the language model: {", ".join(map(repr, twins[:6]))}.',
            'List every label once; labels longer than max_target_tokens are cut.',
        )
