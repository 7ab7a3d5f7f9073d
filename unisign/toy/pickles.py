"""Writing a clip in the published layout (spec.md, section 2)."""

import pickle
from pathlib import Path

from unisign.structures import Poses


def write_published_pickle(path: Path, poses: Poses) -> None:
    """Write ``poses`` as a pickled dict: ``keypoints`` T arrays [1, 133, 2], ``scores`` T arrays [1, 133], ``w_h``."""
    content = {'keypoints': list(poses.keypoints[:, None]), 'scores': list(poses.scores[:, None])}
    if poses.frame_size is not None:
        content['w_h'] = list(poses.frame_size)
    path.write_bytes(pickle.dumps(content, protocol=4))
