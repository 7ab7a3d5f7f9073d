"""What a reader of a corpus returns: its clips, before it is decided where their files lie."""

from dataclasses import dataclass, field

SPLITS = ('train', 'dev', 'test')


@dataclass(frozen=True, slots=True)
class CorpusClip:
    """One clip as its corpus lists it.

    Attributes:
        id: unique in the corpus.
        split: ``train``, ``dev`` or ``test``.
        name: the cut clip's file without its suffix, perhaps with folders.
        recording: the long video it was cut from; clips of one recording stay in one split.
        text: word or sentence, or None.
        gloss: the glosses, in order; empty if there are none.
        signer: who signs, or None.
        frames: first frame in the recording and the one behind the last (None: its end); None if unknown.
        seconds: the same in seconds.
        video_name: as ``name``, where the video's name is another one than the poses'.
    """

    id: str
    split: str
    name: str
    recording: str
    text: str | None = None
    gloss: tuple[str, ...] = ()
    signer: str | None = None
    frames: tuple[int, int | None] | None = None
    seconds: tuple[float, float] | None = None
    video_name: str | None = None


@dataclass
class Corpus:
    """All clips of a corpus.

    Attributes:
        clips: in the order of its files.
        labels: the words of a closed vocabulary by class number, or None.
        left_out: one line for each entry that gave no clip: file, line or key, reason.
    """

    clips: list[CorpusClip] = field(default_factory=list)
    labels: list[str] | None = None
    left_out: list[str] = field(default_factory=list)
