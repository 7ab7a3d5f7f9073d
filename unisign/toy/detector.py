"""What a keypoint detector makes of a clip: scores that fall, and points that go wrong, where detectors fail.

Four causes: fast hands (motion blur), a hand in front of the other hand, a hand in front of the face, and the frame's
border. The first three give a ``trouble`` between 0 and 1 per hand and frame. Trouble makes points wander and lowers
their scores; in great trouble the fingers are guessed: the usual hand on the palm that is seen, whatever the fingers
do. Now and then a hand is lost for some frames.
"""

from dataclasses import dataclass

import numpy as np

from unisign.structures.keypoint_layout import FACE_START, LEFT_HAND_START, RIGHT_HAND_START
from unisign.toy.camera import FRAME_SIZE, Projection
from unisign.toy.hand_model import hand_points, posture_of

_FACE = slice(FACE_START, FACE_START + 68)
_HANDS = (slice(LEFT_HAND_START, LEFT_HAND_START + 21), slice(RIGHT_HAND_START, RIGHT_HAND_START + 21))
_WRISTS, _ELBOWS = (9, 10), (7, 8)
_KNUCKLES = (5, 9, 13, 17)
# How far out on its finger each of the 21 hand points lies: what is far out goes wrong first.
_FARNESS = np.array([0.0, *([0.25, 0.5, 0.8, 1.0] + [0.2, 0.6, 0.85, 1.0] * 4)])


@dataclass(frozen=True)
class DetectorSettings:
    """Strength of each failure; lengths in shoulder widths of the average signer.

    Attributes:
        jitter: standard deviation of the wandering of points in easy frames: body, face, hand.
        blur_speed, blur_width: hand speed per frame at which blur is half, and how sharply it sets in.
        wander: standard deviation of hand points in full trouble.
        guessing: how much of a hand must be seen: below the first share its fingers are guessed from the palm and the
            usual handshape, above the second they are seen. Above 1: they are always guessed.
        loss: chance per frame of losing a hand, in easy frames and in full trouble.
        found_again: chance per frame of finding a lost hand.
        severity: parameters of the Beta distribution from which each clip draws how much a cause harms the detector,
            0 to 1.
        knowing: share of a point's score that falls with how wrong the point is.
    """

    jitter: tuple[float, float, float] = (0.010, 0.0055, 0.009)
    blur_speed: float = 0.26
    blur_width: float = 0.045
    wander: float = 0.07
    guessing: tuple[float, float] = (0.35, 0.70)
    loss: tuple[float, float] = (0.004, 0.14)
    found_again: float = 0.45
    severity: tuple[float, float] = (0.5, 0.8)
    knowing: float = 0.25


# A poor detector guesses the fingers wherever a hand is in front of the face or of the other hand, and wherever it is
# fast, in every clip; its scores know where that is, but not how far off the guess. One that sees palms alone guesses
# the fingers always, as where hands are a few pixels wide.
DETECTORS = {
    'usual': DetectorSettings(),
    'poor': DetectorSettings(blur_speed=0.15, wander=0.10, guessing=(0.75, 0.97), severity=(50.0, 0.1), knowing=0.0),
    'palms': DetectorSettings(blur_speed=0.15, wander=0.10, guessing=(2.0, 3.0), severity=(50.0, 0.1), knowing=0.0),
}


def detect(
    view: Projection, rng: np.random.Generator, settings: DetectorSettings | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return what a detector would find.

    Args:
        view: the clip as the camera sees it.
        rng: of this clip.
        settings: how good the detector is.

    Returns:
        keypoints float32 [T, 133, 2], fractions of the frame's width and height, and scores float32 [T, 133] in 0..1.
    """
    settings = settings or DetectorSettings()
    truth = view.points[..., :2] / view.unit  # in shoulder widths, where the settings hold
    frames = len(truth)
    error, scores = _easy(frames, rng, settings)
    trouble, lost = _hand_trouble(truth, view.points[..., 2], rng, settings)
    for side, hand in enumerate(_HANDS):
        hand_error, hand_scores = _hand_failure(truth[:, hand], trouble[:, side], lost[:, side], rng, settings)
        error[:, hand] += hand_error
        scores[:, hand] *= hand_scores
        # the arm's own wrist suffers less than the hand
        error[:, _WRISTS[side]] += 0.5 * hand_error[:, 0]
        scores[:, _WRISTS[side]] *= 1 - 0.35 * trouble[:, side]
        scores[:, _ELBOWS[side]] *= 1 - 0.15 * trouble[:, side]
    covered = _face_cover(truth)
    error[:, _FACE] += 0.035 * covered[..., None] * _wander(frames, 68, rng)
    scores[:, _FACE] *= 1 - 0.5 * covered
    found = (truth + error) * view.unit / np.array(FRAME_SIZE)
    found, scores = _border(found, truth * view.unit / np.array(FRAME_SIZE), scores, rng)
    return found.astype(np.float32), np.clip(scores, 0.0, 1.0).astype(np.float32)


def _wander(frames: int, points: int, rng: np.random.Generator, memory: float = 0.7) -> np.ndarray:
    """Return noise [T, points, 2] of unit variance that remembers ``memory`` of the frame before."""
    noise = rng.normal(0.0, 1.0, (frames, points, 2))
    fresh = np.sqrt(1 - memory**2)
    for frame in range(1, frames):
        noise[frame] = memory * noise[frame - 1] + fresh * noise[frame]
    return noise


def _easy(frames: int, rng: np.random.Generator, settings: DetectorSettings) -> tuple[np.ndarray, np.ndarray]:
    """Return error [T, 133, 2] and scores [T, 133] where nothing is in the way."""
    body, face, hand = settings.jitter
    spread = np.full(133, hand)
    spread[:FACE_START], spread[_FACE] = body, face
    error = spread[:, None] * (0.6 * _wander(frames, 133, rng, 0.85) + 0.8 * rng.normal(0.0, 1.0, (frames, 133, 2)))
    scores = rng.normal(0.90, 0.02) + 0.035 * _wander(frames, 133, rng)[..., 0]
    return error, np.clip(scores, 0.5, 0.99)


def _hand_trouble(
    truth: np.ndarray, depth: np.ndarray, rng: np.random.Generator, settings: DetectorSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return trouble [T, 2] in 0..1 of the left and the right hand, and whether each is lost (bool [T, 2])."""
    frames = len(truth)
    centres = np.stack([truth[:, hand].mean(axis=1) for hand in _HANDS], axis=1)
    near = np.stack([depth[:, hand].mean(axis=1) for hand in _HANDS], axis=1)
    steps = np.linalg.norm(np.diff(centres, axis=0, prepend=centres[:1], append=centres[-1:]), axis=-1)
    speed = np.maximum(steps[:-1], steps[1:])
    blur = 1 / (1 + np.exp(-(speed - settings.blur_speed) / settings.blur_width))
    over_face = _share_over_face(truth)
    over_hand = _closeness(np.linalg.norm(centres[:, 0] - centres[:, 1], axis=-1), 0.12, 0.36)[:, None]
    behind = np.where(near < near[:, ::-1], 1.0, 0.7)
    # a detector has better and worse days: how much a cause harms differs from clip to clip
    severity = rng.beta(*settings.severity, 3)
    harms = (
        0.9 * blur,
        0.25 * over_face + 0.75 * severity[1] * over_face,
        (0.2 + 0.8 * severity[2]) * behind * over_hand,
    )
    clear = np.prod([1 - np.clip(harm, 0, 1) for harm in harms], axis=0)
    flicker = np.clip(0.85 + 0.3 * _wander(frames, 2, rng)[..., 0], 0.0, 1.2)
    trouble = np.clip((1 - clear) * flicker, 0.0, 1.0)
    return trouble, _losses(trouble, rng, settings)


def _share_over_face(truth: np.ndarray) -> np.ndarray:
    """Return how much of each hand [T, 2] lies on the face: 1 where a third of its points do."""
    face = truth[:, _FACE]
    low, high = face.min(axis=1), face.max(axis=1)
    shares = []
    for hand in _HANDS:
        offsets = (truth[:, hand] - ((low + high) / 2)[:, None]) / (0.70 * (high - low))[:, None]
        shares.append(np.clip(3 * (np.linalg.norm(offsets, axis=-1) < 1).mean(axis=1), 0, 1))
    return np.stack(shares, axis=1)


def _losses(trouble: np.ndarray, rng: np.random.Generator, settings: DetectorSettings) -> np.ndarray:
    chances = rng.random(trouble.shape)
    easy, hard = settings.loss
    lost = np.zeros(trouble.shape, dtype=bool)
    state = np.zeros(trouble.shape[1], dtype=bool)
    for frame in range(len(trouble)):
        falls = chances[frame] < easy + (hard - easy) * trouble[frame] ** 2
        state = np.where(state, chances[frame] > settings.found_again, falls)
        lost[frame] = state
    return lost


def _hand_failure(
    hand: np.ndarray, trouble: np.ndarray, lost: np.ndarray, rng: np.random.Generator, settings: DetectorSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the displacement [T, 21, 2] of one hand's points and the factors [T, 21] of their scores."""
    frames = len(hand)
    palm = hand[:, _KNUCKLES].mean(axis=1, keepdims=True) * 0.7 + hand[:, :1] * 0.3
    wander, drift = _wander(frames, 21, rng), _wander(frames, 1, rng, 0.85)
    guess = rng.uniform(0.04, 0.27, (frames, 21))
    pain = trouble[:, None] * (0.35 + 0.65 * _FARNESS)
    guessed = (_closeness(1 - trouble, *settings.guessing)[:, None] * (_FARNESS > 0.25))[..., None]
    error = guessed * (_usual_hand(hand) - hand) + pain[..., None] * settings.wander * wander
    error += settings.wander * trouble[:, None, None] * 0.6 * drift
    # how wrong a point is, not the cause, makes its score fall; detectors only half know
    wrongness = np.clip(np.linalg.norm(error, axis=-1) / (3 * settings.wander), 0, 1)
    factors = 1 - 0.55 * pain - settings.knowing * wrongness
    astray = 0.10 * wander + 0.20 * drift + 0.4 * (palm - hand) + 0.6 * (_usual_hand(hand) - hand)
    error = np.where(lost[:, None, None], astray, error)
    return error, np.where(lost[:, None], guess, factors)


def _usual_hand_weights() -> np.ndarray:
    """Return [21, 2]: a relaxed hand's points in terms of wrist-to-forefinger and wrist-to-pinky knuckle."""
    flat = hand_points(posture_of('relaxed')[None])[0, :, :2]
    return flat @ np.linalg.inv(flat[[5, 17]])


_USUAL_HAND = _usual_hand_weights()


def _usual_hand(hand: np.ndarray) -> np.ndarray:
    """Return [T, 21, 2]: a relaxed hand on the palm of ``hand``, which a detector guesses where it sees no fingers."""
    return hand[:, :1] + np.einsum('nk,tkc->tnc', _USUAL_HAND, hand[:, [5, 17]] - hand[:, :1])


def _face_cover(truth: np.ndarray) -> np.ndarray:
    """Return how far each face point [T, 68] is covered by a hand, 0..1."""
    face = truth[:, _FACE]
    covered = np.zeros(face.shape[:2])
    for hand in _HANDS:
        distance = np.linalg.norm(face[:, :, None] - truth[:, None, hand], axis=-1).min(axis=-1)
        covered = np.maximum(covered, _closeness(distance, 0.05, 0.11))
    return covered


def _closeness(distance: np.ndarray, near: float, far: float) -> np.ndarray:
    """Return 1 where ``distance`` is below ``near``, 0 beyond ``far``, smooth between."""
    share = np.clip((far - distance) / (far - near), 0.0, 1.0)
    return share * share * (3 - 2 * share)


def _border(
    found: np.ndarray, truth: np.ndarray, scores: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return points and scores with those outside the frame guessed at its edge."""
    outside = np.maximum(-truth, truth - 1).max(axis=-1)
    share = np.clip((outside + 0.02) / 0.05, 0.0, 1.0)
    guess = np.clip(truth, 0.0, 1.0) + 0.02 * rng.normal(0.0, 1.0, truth.shape)
    found = np.where(outside[..., None] > 0.0, guess, found)
    low = rng.uniform(0.05, 0.25, scores.shape)
    return found, scores * (1 - share) + share * np.minimum(scores, low)
