"""What a visitor of the page may ask for."""

from dataclasses import dataclass

MEGABYTE = 1_000_000
POSE_BYTES = 32 * MEGABYTE
FRAMES_A_SECOND = 60
BYTES_A_FRAME = 133 * 3 * 8  # x, y and score of every keypoint, as float64


@dataclass(frozen=True)
class PageLimits:
    """How large an upload may be, and how many people are served.

    Attributes:
        max_megabytes: of a video.
        max_seconds: of a video; at most 60 frames for each second of them.
        max_pixels: of a frame.
        max_waiting: people whose clips are uploaded, waiting or being answered; more are asked to come back.
        silence: seconds without a byte after which an upload is given up.
        uploading_seconds: after which it is given up anyway.
        reading_seconds: for the look at an upload in a process of its own, in which every frame is decoded once.
        reading_bytes: of memory that this process may take.

    Raises:
        ValueError: if a limit is not positive.
    """

    max_megabytes: float = 100.0
    max_seconds: float = 60.0
    max_pixels: int = 3840 * 2160
    max_waiting: int = 8
    silence: float = 30.0
    uploading_seconds: float = 900.0
    reading_seconds: float = 120.0
    reading_bytes: int = 2_000 * MEGABYTE

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < float('inf'):
                raise ValueError(f'{name} should be a number above 0, got {value!r}')

    @property
    def video_bytes(self) -> int:
        """Bytes of a video."""
        return round(self.max_megabytes * MEGABYTE)

    @property
    def max_frames(self) -> int:
        """Frames of a video, and of a pose file."""
        return max(2, round(self.max_seconds * FRAMES_A_SECOND))

    @property
    def unpacked_pose_bytes(self) -> int:
        """Bytes of a pose file's arrays, unpacked: twice what the longest clip needs."""
        return 2 * self.max_frames * BYTES_A_FRAME + MEGABYTE
