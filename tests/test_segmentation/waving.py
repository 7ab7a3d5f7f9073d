"""A made-up signer for tests: hands that rest, are held up, or wave."""

import numpy as np

from unisign.structures import Poses

SHOULDERS, WRISTS, HANDS = (5, 6), (9, 10), (slice(91, 112), slice(112, 133))
UNIT = 0.2  # of the frame's height: width of the shoulders
REST, RAISED = 1.4, 0.3  # shoulder widths below the shoulders


def signer(plan, rate=25.0, frame_size=(200, 200), noise=0.0, hands=(0, 1), unit=UNIT):
    """Return poses after a plan: (what, seconds) pairs of ``rest``, ``hold``, ``wave`` and ``hidden``.

    ``hands``: which of them (0 left, 1 right) do what is planned; the other one rests.
    """
    counts = [round(seconds * rate) for _, seconds in plan]
    total, rng = sum(counts), np.random.default_rng(0)
    height, seen = np.full((total, 2), REST), np.ones((total, 2), dtype=bool)
    start = 0
    for (what, _), count in zip(plan, counts, strict=True):
        times = np.arange(count) / rate
        for hand in hands:
            part = slice(start, start + count)
            if what in ('hold', 'wave'):
                height[part, hand] = RAISED + (0.3 * np.sin(2 * np.pi * 1.5 * times) if what == 'wave' else 0)
            seen[part, hand] = what != 'hidden'
        start += count
    shape = frame_size[1] / frame_size[0]
    keypoints, scores = np.zeros((total, 133, 2)), np.ones((total, 133))
    keypoints[:] = (0.5, 0.1)
    for side, shoulder in enumerate(SHOULDERS):
        keypoints[:, shoulder] = 0.5 + (0.5 - side) * unit * shape, 0.3
    for hand in range(2):
        for points in (WRISTS[hand], HANDS[hand]):
            keypoints[:, points, 0] = 0.5 + (0.4 - 0.8 * hand) * unit * shape
            keypoints[:, points, 1] = (0.3 + unit * height[:, hand]).reshape(-1, *[1] * (keypoints[:, points].ndim - 2))
            scores[:, points] = np.where(seen[:, hand], 0.9, 0.1).reshape(-1, *[1] * (scores[:, points].ndim - 1))
            keypoints[~seen[:, hand], points] = rng.random(keypoints[~seen[:, hand], points].shape)
    keypoints += rng.normal(0, noise * unit, keypoints.shape) * (shape, 1)
    return Poses(keypoints.astype(np.float32), scores.astype(np.float32), frame_size, rate)
