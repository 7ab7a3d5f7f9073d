"""One clip's prediction, as it travels between ranks and stands in a predictions file."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import SupportsFloat

from mmengine.structures import BaseDataElement

from unisign.structures import DataError


@dataclass(frozen=True)
class Prediction:
    """What was predicted for one clip.

    Attributes:
        id: the clip.
        pred: predicted text; '' where the clip could not be read.
        ref: the reference text; '' if unknown.
        score: probability of the prediction, 0..1; None if the model gives none, or none that is finite.
        nbest: pairs of text and probability, best first; empty if the model gives none.
        task: ``islr``, ``cslr`` or ``slt``.
        lang: language code of the text.
        dataset: name of the dataset the clip belongs to.
        failure: why the clip could not be read; None for a clip that was.
    """

    id: str
    pred: str
    ref: str
    score: float | None = None
    nbest: list[list] = field(default_factory=list)
    task: str | None = None
    lang: str | None = None
    dataset: str = ''
    failure: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Dataset and clip id: no two clips of a run share them."""
        return self.dataset, self.id

    def to_line(self) -> dict:
        """Return the entry of a predictions file; ``failure`` only where there is one."""
        line = asdict(self)
        if self.failure is None:
            del line['failure']
        return line


def from_data_sample(sample: dict | BaseDataElement) -> Prediction:
    """Return the prediction that a ``SignDataSample``, or the dict MMEngine's evaluator makes of it, holds.

    Raises:
        DataError: if the sample names no clip or carries no prediction.
    """
    values = sample.to_dict() if isinstance(sample, BaseDataElement) else sample
    clip_id, failure = values.get('clip_id'), values.get('failure')
    if clip_id is None:
        raise DataError('evaluation', f'a sample without clip_id (it holds {sorted(values)}).', 'Pack it as meta.')
    if failure is None and 'pred_text' not in values:
        raise DataError(f'clip {clip_id}', 'the model returned no pred_text.', 'Its predict mode must set it.')
    failed = failure is not None
    return Prediction(
        id=clip_id,
        pred='' if failed else values['pred_text'],
        ref=values.get('gt_text') or '',
        score=0.0 if failed else _finite(values.get('pred_score')),
        nbest=[] if failed else _plain_nbest(values.get('nbest') or ()),
        task=values.get('task'),
        lang=values.get('lang'),
        dataset=values.get('dataset') or '',
        failure=None if failure is None else str(failure),
    )


def _plain_nbest(nbest: Sequence) -> list[list]:
    return [[text, _finite(score)] for text, score in nbest]


def _finite(score: SupportsFloat | None) -> float | None:
    """Return the number, a 0-d tensor's too, or None: JSON knows neither NaN nor infinity."""
    return float(score) if score is not None and math.isfinite(score) else None
