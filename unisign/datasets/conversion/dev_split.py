"""A dev split for a corpus that comes without one."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from unisign.datasets.conversion.corpus import CorpusClip


def with_dev_split(clips: Sequence[CorpusClip], share: float = 0.02) -> list[CorpusClip]:
    """Return ``clips`` with about ``share`` of the training clips as dev, if there is no dev clip yet.

    Whole recordings move, in the order of the SHA-256 of their names, so no recording is in both splits and the choice
    depends on nothing but the names: until the share is reached, and at least one. A corpus of one recording keeps it.

    Raises:
        ValueError: if ``share`` is not in 0..0.5.
    """
    if not 0 <= share <= 0.5:
        raise ValueError(f'the share of dev should be 0 to 0.5, got {share}')
    sizes = Counter(clip.recording for clip in clips if clip.split == 'train')
    if share == 0 or len(sizes) < 2 or any(clip.split == 'dev' for clip in clips):
        return list(clips)
    wanted, chosen, taken = share * sizes.total(), set[str](), 0
    for recording in sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest())[:-1]:
        if taken >= wanted:
            break
        chosen.add(recording)
        taken += sizes[recording]
    moves = (clip.split == 'train' and clip.recording in chosen for clip in clips)
    return [replace(clip, split='dev') if move else clip for clip, move in zip(clips, moves, strict=True)]
