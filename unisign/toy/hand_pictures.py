"""Pictures of single hands, labelled with their handshape, by signers who are in no split of the toy corpus.

They are to the toy corpus what ImageNet is to photographs: something general from which an encoder of pictures learns
to see before it is trained on signing. Handshape, orientation, place and movement are drawn independently, so there is
nothing of the lexicon in them.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from unisign.datasets.hand_crops import HANDS, box_centres, crop_hand
from unisign.toy.body_model import body_points
from unisign.toy.camera import FRAME_SIZE, Projection, project
from unisign.toy.drawing import draw_clip
from unisign.toy.lexicon import SIGNS, Sign
from unisign.toy.motion import Motion
from unisign.toy.performance import draw_token, perform, sign_frames
from unisign.toy.phonology import HANDSHAPES
from unisign.toy.signers import Signer, make_signers

HANDSHAPE_NAMES = tuple(HANDSHAPES)
_PICTURES_A_CLIP = 3
_SCALES = (1.15, 1.8)  # side of the box over the extent of the hand: clips have one side for their largest hand
_OFF_CENTRE = 0.08  # standard deviation of the box's centre, in extents: detectors err


def hand_pictures(clips: int, seed: int, size: int = 64, signers: int = 400) -> Iterator[tuple[np.ndarray, int]]:
    """Yield pictures of dominant hands, uint8 RGB [size, size, 3], with their handshape (index in ``HANDSHAPE_NAMES``).

    Args:
        clips: how many performances are drawn; each gives 3 pictures.
        seed: of everything random.
        size: side of the pictures in pixels.
        signers: how many there are, every other one left-handed.
    """
    people = make_signers(signers, range(0, signers, 2), seed=1_000_000 + seed)
    signs = list(SIGNS.values())
    for clip in range(clips):
        rng = np.random.default_rng([seed, 3, clip])
        signer = people[rng.integers(signers)]
        handshape, *others = (signs[rng.integers(len(signs))] for _ in range(4))
        label = int(rng.integers(len(HANDSHAPE_NAMES)))
        sign = replace(
            handshape,
            handshape=HANDSHAPE_NAMES[label],
            orientation=others[0].orientation,
            location=others[1].location,
            movement=others[2].movement,
            end_handshape=None,
        )
        for picture in _pictures(sign, signer, size, rng):
            yield picture, label


def _pictures(sign: Sign, signer: Signer, size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield crops of the dominant hand from one performance of ``sign``."""
    view = project(body_points(_motion(sign, signer, rng), signer), signer, rng)
    frames = rng.choice(len(view.points), _PICTURES_A_CLIP)
    images = draw_clip(Projection(view.points[frames], view.unit, view.palm_length), signer)
    hands = view.points[frames][:, HANDS['left' if signer.left_handed else 'right'], :2]
    extents = np.ptp(hands, axis=1).max(axis=1)
    sides = np.maximum(2, (extents * rng.uniform(*_SCALES, len(frames)) / 2).astype(int) * 2)
    centres = box_centres(hands) + _OFF_CENTRE * extents[:, None] * rng.normal(0, 1, (len(frames), 2))
    for image, centre, side in zip(images, centres, sides, strict=True):
        corner = np.floor(centre - side / 2).astype(np.int64)
        if (corner + side > 0).all() and (corner < FRAME_SIZE).all():
            yield crop_hand(image, corner, int(side), size)


def _motion(sign: Sign, signer: Signer, rng: np.random.Generator) -> Motion:
    """Return the sign alone, without the ways to and from it."""
    token = draw_token(rng)
    frames = sign_frames(sign, signer, in_sentence=False, tempo=token.tempo)
    stretch = perform(sign, signer, frames, token, np.zeros(3), float(rng.uniform(-1, 1)), in_sentence=False)
    return Motion(
        dominant=stretch.dominant,
        other=stretch.other,
        mouth=stretch.mouth,
        brows=stretch.brows,
        lids=np.ones(frames),
        head=stretch.head,
        sway=np.zeros(frames),
        spans=[(0, frames)],
    )
