"""A translated clip as a video: skeleton, crops of the hands, text."""

from pathlib import Path

import numpy as np

from unisign.apis.clip_pipeline import ClipPipeline, PreparedClip
from unisign.apis.frames_in_memory import FilesAndFrames, FramesInMemory
from unisign.apis.translation import Translation
from unisign.datasets.frame_mapping import video_frames
from unisign.structures import ClipError
from unisign.visualization.browse import file_name
from unisign.visualization.hand_view import hand_views
from unisign.visualization.translation_video import TranslationView, draw_translation_frames
from unisign.visualization.video_io import write_video

FRAME_RATE = 25.0  # where neither video nor poses say
LONGEST_NAME = 200


def draw_translation(
    answer: Translation,
    video: str | FramesInMemory | None,
    prepared: PreparedClip,
    reader: FilesAndFrames,
    pipeline: ClipPipeline,
    folder: Path,
) -> None:
    """Write ``<folder>/<clip id>.mp4`` and name it in ``answer.video``.

    Where the frames of the video cannot be matched with the poses, or not be read, the skeleton is drawn on an empty
    canvas, and ``answer.note`` says why.
    """
    path = folder / f'{file_name(answer.clip_id)[-LONGEST_NAME:]}.mp4'
    poses = prepared.poses
    view = TranslationView(
        poses,
        answer.text,
        answer.nbest,
        f'{answer.clip_id}   ·   {answer.task} {answer.lang}',
        hand_views(prepared.hands),
    )
    rate = poses.frame_rate or FRAME_RATE
    if video is not None:
        try:
            info = reader.info(video)
            stored = len(poses) if poses.frame_ids is None else None
            view.numbers = video_frames(poses, info, video, stored, pipeline.align)
            wanted = np.arange(view.numbers.min(), view.numbers.max() + 1)
            write_video(path, draw_translation_frames(view, reader.frames(video, wanted)), info.frame_rate or rate)
            answer.video = path
            return
        except (ClipError, OSError) as error:
            view.numbers, view.hands = None, {}
            answer.note = ' '.join(filter(None, [answer.note, f'Drawn without the video: {error}']))
    write_video(path, draw_translation_frames(view), rate)
    answer.video = path
