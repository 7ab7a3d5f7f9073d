"""What is wrong or remarkable in annotations, before a training finds out."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from unisign.datasets.annotations import Annotation, AnnotationFile
from unisign.datasets.clip_paths import ClipPaths
from unisign.stores import PoseFiles
from unisign.structures import ClipError

# Languages written without blanks: their words are counted as characters.
_WITHOUT_BLANKS = ('zh', 'ja', 'th')


@dataclass
class SplitCheck:
    """What one annotation file holds.

    Attributes:
        path: the file.
        clips: number of clips.
        problems: kind of problem to the ids of the clips that have it.
        frames: known lengths of clips, [N] with N at most ``clips``.
        text_lengths: words (characters in Chinese) of each text that is not empty.
        gloss_lengths: glosses of each clip that has some.
        words: the different words of the texts.
        glosses: the different glosses.
        ids, signers, texts, videos: to each value the number of its clips.
    """

    path: Path
    clips: int = 0
    problems: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    frames: list[int] = field(default_factory=list)
    text_lengths: list[int] = field(default_factory=list)
    gloss_lengths: list[int] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    glosses: set[str] = field(default_factory=set)
    ids: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    signers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    texts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    videos: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def has_faults(self) -> bool:
        """Whether a clip cannot be used as it is; missing videos alone are no fault, nor are missing poses."""
        return any(self.problems.get(kind) for kind in FAULTS)


FAULTS = ('neither poses nor video', 'empty text', 'too short', 'too long', 'end behind the poses', 'damaged poses')
OVERLAPS = ('ids', 'signers', 'texts', 'videos')


@dataclass(frozen=True)
class Overlap:
    """What two annotation files share.

    Attributes:
        first, second: the files.
        what: ``ids``, ``signers``, ``texts`` or ``videos`` (cut from the same recording).
        values: the shared values.
        clips: how many clips of ``second`` have one of them.
    """

    first: Path
    second: Path
    what: str
    values: tuple[str, ...]
    clips: int


def check_annotations(
    paths: Iterable[str | Path],
    data_root: str | Path = '',
    min_frames: int = 4,
    max_frames: int = 3000,
    read_poses: bool = False,
) -> tuple[list[SplitCheck], list[Overlap]]:
    """Return what each annotation file holds, and what every two of them share.

    Args:
        paths: annotation files.
        data_root: where poses and videos are looked up that are not beside the annotations.
        min_frames: clips of fewer frames are too short.
        max_frames: clips of more frames are too long.
        read_poses: read every pose file in full: damaged ones are found, and the length of each clip is known. Without
            it, lengths come from ``start`` and ``end``, packed stores and ``.npz`` headers.

    Raises:
        DataError: if an annotation file itself is wrong (file, line and key are named) or a packed store is damaged.
        ValueError: if ``min_frames`` is larger than ``max_frames``.
    """
    if min_frames > max_frames:
        raise ValueError(f'min_frames {min_frames} is larger than max_frames {max_frames}')
    checks = [_check_file(Path(path), data_root, min_frames, max_frames, read_poses) for path in paths]
    return checks, [shared for first, second in combinations(checks, 2) for shared in _overlaps(first, second)]


def _check_file(path: Path, data_root: str | Path, min_frames: int, max_frames: int, read_poses: bool) -> SplitCheck:
    check = SplitCheck(path)
    places, store = ClipPaths(path.parent, data_root), PoseFiles()
    annotations = AnnotationFile(path)
    for index in range(len(annotations)):
        clip = annotations[index]
        check.clips += 1
        _count_texts(clip, check)
        poses = places.find_poses(clip.poses) if clip.poses else ''
        has_poses, has_video = has_files(clip, places, store)
        if not has_poses and not has_video:
            check.problems['neither poses nor video'].append(clip.id)
        elif not has_poses or not has_video:
            check.problems['no video' if has_poses else 'no poses'].append(clip.id)
        length = _stored_length(store, poses, read_poses, clip.id, check) if has_poses else 0
        _check_length(clip, length, min_frames, max_frames, check)
    return check


def has_files(clip: Annotation, places: ClipPaths, store: PoseFiles) -> tuple[bool, bool]:
    """Return whether the clip's poses and its video are there.

    Args:
        clip: the annotation.
        places: where its paths lead.
        store: reads poses by absolute path.

    Raises:
        DataError: if a packed store is damaged.
    """
    has_poses = clip.poses is not None and places.find_poses(clip.poses) in store
    return has_poses, clip.video is not None and Path(places.find(clip.video)).exists()


def _stored_length(store: PoseFiles, poses: str, read_poses: bool, clip_id: str, check: SplitCheck) -> int:
    """Return the number of stored frames, 0 if it is not known."""
    if not read_poses:
        return int(store.known_lengths([poses])[0])
    try:
        return len(store.read(poses))
    except ClipError:
        check.problems['damaged poses'].append(clip_id)
        return 0


def _check_length(clip: Annotation, stored: int, min_frames: int, max_frames: int, check: SplitCheck) -> None:
    end = clip.end if clip.end is not None else stored
    if not end:
        return
    frames = end - (clip.start or 0)
    check.frames.append(frames)
    if stored and end > stored:
        check.problems['end behind the poses'].append(clip.id)
    if frames < min_frames:
        check.problems['too short'].append(clip.id)
    if frames > max_frames:
        check.problems['too long'].append(clip.id)


def _count_texts(clip: Annotation, check: SplitCheck) -> None:
    text = (clip.text or '').strip()
    if not text and not clip.gloss:
        check.problems['empty text'].append(clip.id)
    if text:
        blanks = (clip.lang or '').split('-')[0] not in _WITHOUT_BLANKS
        words = text.split() if blanks else [character for character in text if not character.isspace()]
        check.words.update(words)
        check.text_lengths.append(len(words))
    if clip.gloss:
        check.glosses.update(clip.gloss)
        check.gloss_lengths.append(len(clip.gloss))
    check.ids[clip.id] += 1
    for counts, value in ((check.signers, clip.signer), (check.videos, clip.video)):
        if value:
            counts[value] += 1
    sentence = ' '.join(text.lower().split()) or ' '.join(clip.gloss)
    if sentence:
        check.texts[sentence] += 1


def _overlaps(first: SplitCheck, second: SplitCheck) -> list[Overlap]:
    found = []
    for what in OVERLAPS:
        counts = getattr(second, what)
        shared = tuple(sorted(set(getattr(first, what)) & set(counts)))
        if shared:
            found.append(Overlap(first.path, second.path, what, shared, sum(counts[value] for value in shared)))
    return found
