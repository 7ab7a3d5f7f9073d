"""Time keypoints from video by mmpose, against one frame after the other.

Example: ``python tools/benchmarks/bench_pose_extraction.py --frames 16``. Ours is ``MMPoseEstimator``: people
are looked for every few frames, their boxes interpolated, and the signer's points estimated some frames at a time. The
baseline does what extraction scripts do: for each frame mmdet's detector, then mmpose's ``inference_topdown`` on the
box of the first person. With ``--detect-every 1`` both do the same work. The weights are random, nothing is downloaded:
nobody is found, and the whole frame stands in as box on both sides. Decoding is in the time, loading the models is not.
Each side runs in a process of its own, in turns; the pose extra is needed.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerator import forget_peak, held_bytes, peak_bytes, seconds
from bench_video_readers import X264, all_frames, make_video
from mmengine.registry import DefaultScope
from side_by_side import add_options, alternate, keep_freed_memory, print_measurement, report

from unisign.optional import import_extra
from unisign.pose import poses_of_video
from unisign.pose.mmpose_estimator import MMPoseEstimator

UNITS = {'ms a frame': 'ms', 'frames a second': '(more is better)', 'memory above the models': 'MiB'}
PERSON, THRESHOLD = 0, 0.9


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', default='rtmpose-m_8xb64-270e_coco-wholebody-256x192', help="mmpose's config")
    parser.add_argument('--detector', default='rtmdet-m', help="mmdet's config")
    parser.add_argument('--detect-every', type=int, default=8, help='frames after which ours looks for people again')
    parser.add_argument('--batch', type=int, default=16, help='frames that ours estimates at a time')
    parser.add_argument('--frames', type=int, default=32, help='of the video, 640x480')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    add_options(parser)
    return parser.parse_args()


def estimator(args: argparse.Namespace) -> MMPoseEstimator:
    """Return our estimator with random weights, the same each time."""
    torch.manual_seed(0)
    made = MMPoseEstimator(
        args.model, None, args.detector, None, detect_every=args.detect_every, detector_threshold=THRESHOLD,
        batch_size=args.batch, device=args.device,
    )  # fmt: skip
    # Random weights see everything everywhere with a score of 0.5: sorting that out would take most of the time.
    made._detector.bbox_head.test_cfg.score_thr = THRESHOLD
    return made


def our_keypoints(args: argparse.Namespace) -> Callable[[Path], np.ndarray]:
    """Return what gives the keypoints [T, 133, 2] of a video, as fractions of the frame."""
    ours = estimator(args)
    return lambda path: poses_of_video(ours, path).keypoints


def baseline_keypoints(args: argparse.Namespace) -> Callable[[Path], np.ndarray]:
    """Return the same by mmdet's and mmpose's own functions, a frame at a time."""
    detection, pose = import_extra('mmdet.apis', 'the baseline'), import_extra('mmpose.apis', 'the baseline')
    models: Any = estimator(args)  # so the weights are the same

    def of_frame(image: np.ndarray) -> np.ndarray:
        image = np.ascontiguousarray(image[..., ::-1])
        height, width = image.shape[:2]
        with DefaultScope.overwrite_default_scope('mmdet'), models._precision():
            found = detection.inference_detector(models._detector, image).pred_instances
        boxes = found.bboxes[(found.labels == PERSON) & (found.scores >= THRESHOLD)].cpu().numpy()
        box = boxes[:1] if len(boxes) else np.array([[0.0, 0, width, height]], np.float32)
        with models._precision():
            sample = pose.inference_topdown(models._model, image, box)[0]
        return sample.pred_instances.keypoints[0] / (width, height)

    return lambda path: np.stack([of_frame(image) for image in all_frames(path)])


def measure(args: argparse.Namespace) -> None:
    """Measure one side."""
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        video = make_video(Path(folder) / 'video.mp4', X264['H.264, B frames'], args.frames)
        keypoints = our_keypoints(args) if args.side == 'ours' else baseline_keypoints(args)
        keypoints(video)
        forget_peak(args.device)
        before = held_bytes(args.device)
        duration = seconds(lambda: keypoints(video), 3, args)
        memory = (peak_bytes(args.device) - before) / 2**20
    print_measurement(**{
        'ms a frame': 1e3 * duration / args.frames,
        'frames a second': args.frames / duration,
        'memory above the models': memory,
    })  # fmt: skip


def main() -> None:
    """Run the command line."""
    args = parse_args()
    if args.side:
        measure(args)
        return
    import_extra('mmpose', 'bench_pose_extraction.py')
    title = (
        f'{args.model}, {args.detector} every {args.detect_every} frames, baseline every frame; {args.frames} frames'
    )
    report(title, alternate(args), UNITS, args)


if __name__ == '__main__':
    main()
