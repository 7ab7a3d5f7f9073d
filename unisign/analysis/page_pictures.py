"""Small pictures of a clip: frames of its video, or skeletons where there is none."""

import io
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from unisign.datasets.annotations import Annotation, AnnotationFile
from unisign.datasets.clip_paths import ClipPaths
from unisign.datasets.video_readers import VideoFiles
from unisign.stores import PoseFiles
from unisign.structures import ClipError, DataError
from unisign.visualization.clip_view import ClipView, draw_original, window_around

KINDS = ('auto', 'video', 'poses')
_ASPECT = 1.0  # of drawn skeletons
_QUALITY = 72  # of JPEG


@dataclass(frozen=True)
class Picture:
    """One small picture.

    Attributes:
        uri: JPEG as a ``data:`` address.
        frame: which frame of the clip it shows, from 0.
        width: in pixels.
        height: in pixels.
    """

    uri: str
    frame: int
    width: int
    height: int


class ClipPictures:
    """Draws clips that an annotation file names.

    Args:
        annotations: annotation file.
        data_root: where videos and poses lie, if not beside the annotations.
        kind: ``video``: frames; ``poses``: skeletons; ``auto``: frames where there is a video, skeletons elsewhere.
        number: pictures of a clip, evenly spaced, without its first and its last frame.
        width: of each, in pixels.

    Raises:
        DataError: if the annotations cannot be read, or a number is out of range.
    """

    def __init__(
        self, annotations: str | Path, data_root: str = '', kind: str = 'auto', number: int = 4, width: int = 120
    ) -> None:
        if kind not in KINDS:
            raise DataError('--pictures', f'{kind!r} is unknown.', f'Choose one of {", ".join(KINDS)}.')
        if not (1 <= number <= 12 and 16 <= width <= 640):
            raise DataError(
                'pictures', f'{number} pictures of {width} pixels are asked for.', 'Ask for 1 to 12, 16 to 640 wide.'
            )
        self.file = AnnotationFile(annotations)
        self.paths = ClipPaths(self.file.path.parent, data_root)
        self.kind, self.number, self.width = kind, number, width
        self._videos, self._poses = VideoFiles(), PoseFiles()
        self._place = {self.file[index].id: index for index in range(len(self.file))}

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._place

    def draw(self, clip_id: str) -> list[Picture]:
        """Return the pictures of a clip, early ones first.

        Raises:
            ClipError: if the annotations do not have it, or its video or poses cannot be read.
        """
        if clip_id not in self:
            raise ClipError(clip_id, f'is not in {self.file.path}.', 'Name the annotations that were tested on.')
        annotation = self.file[self._place[clip_id]]
        return self._frames(annotation) if self._takes_video(annotation) else self._skeletons(annotation)

    def _takes_video(self, annotation: Annotation) -> bool:
        if self.kind != 'auto':
            return self.kind == 'video'
        if not annotation.video:
            return False
        return not annotation.poses or Path(self.paths.find(annotation.video)).exists()

    def _frames(self, annotation: Annotation) -> list[Picture]:
        if not annotation.video:
            raise ClipError(annotation.id, 'has no video in the annotations.', 'Choose --pictures poses.')
        path = self.paths.find(annotation.video)
        chosen = self._choose(annotation, self._videos.info(path).num_frames)
        first = annotation.start or 0
        images = self._videos.frames(path, chosen)
        return [self._picture(image, int(frame) - first) for image, frame in zip(images, chosen, strict=True)]

    def _skeletons(self, annotation: Annotation) -> list[Picture]:
        if not annotation.poses:
            raise ClipError(annotation.id, 'has no poses in the annotations.', 'Choose --pictures video.')
        poses = self._poses.read(self.paths.find_poses(annotation.poses))
        chosen = self._choose(annotation, len(poses)).tolist()
        view = ClipView(annotation.id, poses, poses)
        window = window_around(view, chosen, _ASPECT)
        first, size = annotation.start or 0, (self.width, int(self.width / _ASPECT))
        return [self._picture(draw_original(view, frame, window, *size), frame - first) for frame in chosen]

    def _choose(self, annotation: Annotation, frames: int) -> np.ndarray:
        """Return the numbers of the frames to show, sorted, int64 [n]."""
        start, end = annotation.start or 0, min(annotation.end or frames, frames)
        if start >= end:
            raise ClipError(annotation.id, f'starts at frame {start}, and there are {frames}.', 'Correct "start".')
        return np.unique(np.linspace(start, end - 1, self.number + 2)[1:-1].round().astype(np.int64))

    def _picture(self, image: np.ndarray, frame: int) -> Picture:
        height = max(1, round(image.shape[0] * self.width / image.shape[1]))
        if image.shape[1] != self.width:
            image = cv2.resize(image, (self.width, height), interpolation=cv2.INTER_AREA)
        content = io.BytesIO()
        Image.fromarray(image).save(content, 'JPEG', quality=_QUALITY)
        uri = f'data:image/jpeg;base64,{b64encode(content.getvalue()).decode()}'
        return Picture(uri, frame, self.width, image.shape[0])
