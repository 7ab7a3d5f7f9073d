"""``GlossVocabulary``: answers that are glosses of a closed set, separated by spaces."""

from collections import Counter
from collections.abc import Sequence

from torch import Tensor, nn

from unisign.models.heads.closed_vocabulary import report_lacking
from unisign.models.heads.decoder_steps import TextDecoder
from unisign.models.heads.gloss_grammar import GlossGrammar
from unisign.models.heads.text_codec import TextCodec
from unisign.models.heads.text_writing import write_texts
from unisign.models.language_models import T5Family
from unisign.structures import DataError


class GlossVocabulary(nn.Module):
    """Writes texts of one or more glosses of a closed set, for continuous recognition.

    Args:
        glosses: the glosses, without spaces in them.
        codec: text codec of the language model.
        source: where the glosses come from, for errors.

    Raises:
        DataError: for no gloss, or one that is empty or holds a space.
    """

    def __init__(self, glosses: Sequence[str], codec: TextCodec, source: object = 'glosses') -> None:
        super().__init__()
        self.glosses, self.source = frozenset(glosses), str(source)
        broken = [gloss for gloss in self.glosses if gloss.split() != [gloss]]
        if broken or not self.glosses:
            raise DataError(
                source,
                f'expected glosses without spaces, got {", ".join(map(repr, sorted(broken)[:6])) or "none"}.',
                'List one gloss a line.',
            )
        sequences = [codec.tokenizer.encode(gloss)[:-1] for gloss in sorted(self.glosses)]
        self.codec, self.grammar = codec, GlossGrammar(sequences, codec.tokenizer.eos_id)

    def check_targets(self, targets: Counter[str], source: object, training: bool) -> list[str]:
        """Return a line for the log if a dev or test set has other glosses; see ``ClosedVocabulary.check_targets``."""
        counts: Counter[str] = Counter()
        for text, clips in targets.items():
            for gloss in set(text.split()):
                counts[gloss] += clips
        return report_lacking(counts, set(self.glosses), self.source, source, training)

    def write(
        self,
        model: T5Family | TextDecoder,
        states: Tensor,
        mask: Tensor,
        nbest: int,
        num_beams: int,
        max_new_tokens: int,
    ) -> list[list[list]]:
        """Return for each clip its best texts ``[text, score]``; see ``write_texts``.

        A gloss that ``max_new_tokens`` cuts in two is left out.
        """
        answers = write_texts(model, self.codec, states, mask, nbest, num_beams, max_new_tokens, self.grammar)
        return [[[self._whole(text), score] for text, score in nbest_texts] for nbest_texts in answers]

    def _whole(self, text: str) -> str:
        glosses = text.split()
        if glosses and glosses[-1] not in self.glosses:
            glosses.pop()
        return ' '.join(glosses)
