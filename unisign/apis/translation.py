"""``Translation``: what a ``SignInferencer`` says about one clip."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unisign.structures import SignDataSample


@dataclass
class Translation:
    """The answer to one clip.

    Attributes:
        clip_id: the file's name without suffix, the key in a packed store, or ``clip N``.
        source: the input as it was given.
        text: word, glosses or sentence; '' for a failed clip.
        score: of the text, 0 to 1; see ``SignDataSample.pred_score``.
        nbest: [text, score] pairs, best first.
        task: ``islr``, ``cslr`` or ``slt``.
        lang: language code of the text.
        num_frames: frames that the model read.
        failure: why there is no answer; '' if there is one.
        note: what the answer had to do without; '' if nothing.
        seconds: where the time went, if asked for: ``download``, ``keypoints``, ``pipeline``, ``model`` (the clip's
            share of its batch), ``drawing``.
        video: the rendered video, if one was asked for.
        sample: the same as a data sample, with ``pred_text``, ``pred_score`` and ``nbest``.
    """

    clip_id: str
    source: str
    text: str = ''
    score: float = 0.0
    nbest: list[list] = field(default_factory=list)
    task: str = ''
    lang: str = ''
    num_frames: int = 0
    failure: str = ''
    note: str = ''
    seconds: dict[str, float] | None = None
    video: Path | None = None
    sample: SignDataSample | None = field(default=None, repr=False)

    def to_line(self) -> dict[str, Any]:
        """Return a line of a predictions file; without ``ref``, since nobody knows the right answer."""
        line = {
            'id': self.clip_id,
            'source': self.source,
            'pred': self.text,
            'score': self.score,
            'nbest': self.nbest,
            'task': self.task,
            'lang': self.lang,
            'num_frames': self.num_frames,
        }
        optional = {'failure': self.failure, 'note': self.note, 'seconds': self.seconds, 'video': self.video}
        line |= {name: value for name, value in optional.items() if value}
        if self.video is not None:
            line['video'] = str(self.video)
        return line
