"""MediaPipe's 543 landmarks (33 pose, 21 a hand, 468 face) as the 133 points of COCO-WholeBody.

Hands have the same order in both. Of the face mesh, the vertices that lie where iBUG's 68 points are defined are taken;
of the pose, joint for joint. MediaPipe has no small toe, so that these two points keep score 0.
"""

import numpy as np

from unisign.structures import NUM_KEYPOINTS
from unisign.structures.keypoint_layout import FACE_START, LEFT_HAND_START, RIGHT_HAND_START

NUM_POSE, NUM_HAND, NUM_FACE = 33, 21, 468
NO_SMALL_TOE = (18, 21)

# COCO-WholeBody body and foot point -> MediaPipe pose landmark.
BODY: dict[int, int] = {
    0: 0, 1: 2, 2: 5, 3: 7, 4: 8, 5: 11, 6: 12, 7: 13, 8: 14, 9: 15, 10: 16,
    11: 23, 12: 24, 13: 25, 14: 26, 15: 27, 16: 28, 17: 31, 19: 29, 20: 32, 22: 30,
}  # fmt: skip

# Vertex of the face mesh for each of iBUG's 68 points.
FACE: tuple[int, ...] = (
    *(127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356),  # jaw
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),  # brows
    *(168, 6, 195, 4, 98, 97, 2, 326, 327),  # nose
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),  # eyes
    *(61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91),  # outer lips
    *(78, 82, 13, 312, 308, 317, 14, 87),  # inner lips
)


def to_whole_body(
    pose: np.ndarray | None, left: np.ndarray | None, right: np.ndarray | None, face: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints float32 [133, 2] and scores float32 [133] of one frame.

    Args:
        pose: [33, 3], x, y and score; None: no person.
        left: [21, 3], the signer's left hand, in the same way; None: not found, score 0.
        right: [21, 3], the right one.
        face: [468, 3] or more rows, of which the further ones (irises) are left out; None: not found, score 0.
    """
    points = np.zeros((NUM_KEYPOINTS, 3), dtype=np.float32)
    if pose is not None:
        points[list(BODY)] = pose[list(BODY.values())]
    for start, hand in ((LEFT_HAND_START, left), (RIGHT_HAND_START, right)):
        if hand is not None:
            points[start : start + NUM_HAND] = hand
    if face is not None:
        points[FACE_START:LEFT_HAND_START] = face[list(FACE)]
    points[points[:, 2] <= 0] = 0
    return points[:, :2], points[:, 2]
