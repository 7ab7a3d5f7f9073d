"""``SignDataSample``: what is known, and what is predicted, about one clip."""

from mmengine.structures import BaseDataElement


class SignDataSample(BaseDataElement):
    """Text of one clip beside its meta information.

    Meta information (``set_metainfo``, read as attributes): ``clip_id`` str; ``task`` ``islr``, ``cslr`` or ``slt``;
    ``lang`` language code such as ``en`` or ``zh``; ``num_frames`` int, frames given to the model; ``dataset`` str;
    optional ``failure`` str: why the clip could not be read (such a sample has no inputs).

    Data fields:
        gt_text: the reference: a word (ISLR), glosses joined by spaces (CSLR) or a sentence (SLT); '' if unknown.
        pred_text: the prediction.
        pred_score: float; probability of the class (closed vocabulary) or of the sequence, length-normalised
            log-probability exponentiated (free generation), 0..1.
        nbest: list of [text, score], best first; the first is ``pred_text``.
    """
