"""A config's own test pipeline, for clips that stand in no annotation file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unisign.apis.frames_in_memory import FilesAndFrames, FramesInMemory
from unisign.datasets.concat_sign_dataset import single_configs
from unisign.datasets.sign_dataset import TASKS, clip_rng
from unisign.registry import TRANSFORMS
from unisign.stores import PoseFiles
from unisign.structures import DataError, Poses

SEED = 42  # of a dataset that names none


@dataclass
class PreparedClip:
    """A clip on its way to the model.

    Attributes:
        packed: what ``SignDataset`` gives for it: ``inputs`` and ``data_samples``.
        poses: as they were read, every frame of them.
        hands: pictures of the hands as ``LoadHandCrops`` gives them; empty for a pose-only model.
        read: the frames of ``poses`` that the model reads.
    """

    packed: dict[str, Any]
    poses: Poses
    hands: dict[str, dict]
    read: Poses


class ClipPipeline:
    """Prepares clips as ``tools/test.py`` does: through ``test_dataloader.dataset.pipeline`` of the model's config.

    Args:
        model: from ``init_model``; it has its config as ``cfg``.
        task: ``islr``, ``cslr`` or ``slt``; None takes the config's.
        lang: language code of the text, such as ``en``; None takes the config's.
        need_video: whether a model with pictures of the hands refuses a clip without video; if not, such a clip is
            answered from its poses alone, and its data sample says so (``rgb_failure``).
        source: what errors call the caller.
        numbered: whether ``frame_ids`` of the poses are numbers of the video's frames, whatever the config says about
            how frames of poses and videos belong together.

    Raises:
        DataError: if neither config nor arguments say task and language, or the config has no test pipeline.
    """

    def __init__(
        self,
        model: Any,
        task: str | None = None,
        lang: str | None = None,
        need_video: bool = True,
        source: str = 'translate_poses',
        numbered: bool = False,
    ) -> None:
        dataset = _test_dataset(model)
        chosen = {'task': task or dataset.get('task'), 'lang': lang or dataset.get('lang')}
        for name, value in chosen.items():
            if not value:
                raise DataError(source, f'{name} is not given, and the config sets none.', f'Pass {name}=..')
        if chosen['task'] not in TASKS:
            raise DataError(source, f'task should be one of {", ".join(TASKS)}, got {task!r}.')
        self.task, self.lang = str(chosen['task']), str(chosen['lang'])
        self._dataset, self._seed = str(dataset.get('name') or ''), dataset.get('seed', SEED)
        self._steps = [_build(step, 'error') for step in dataset['pipeline']]
        self._without_video = self._steps if need_video else [_build(step, 'skip') for step in dataset['pipeline']]
        if numbered:
            for step in filter(_reads_video, (*self._steps, *self._without_video)):
                vars(step)['align'] = 'time'

    @property
    def wants_video(self) -> bool:
        """Whether the pipeline reads pictures of the hands."""
        return any(_reads_video(step) for step in self._steps)

    @property
    def align(self) -> str:
        """How frames of the poses are found in the video: ``time`` or ``count``, see ``video_frames``."""
        return next((step.align for step in self._steps if hasattr(step, 'align')), 'time')

    def describe(
        self, clip_id: str, poses: Poses | str | None, video: str | FramesInMemory | None = None, source: str = ''
    ) -> dict[str, Any]:
        """Return what the pipeline starts from, with the keys of ``SignDataset.describe``.

        Args:
            clip_id: in test mode the only thing that a random choice of frames depends on, beside the config's seed.
            poses: keypoints, or a pose file (``x.npz``, ``x.pkl``, ``x.pose``, ``STORE.lmdb#KEY``).
            video: path, or frames in memory; None if there is none.
            source: what errors about the poses call them; '' is ``clip_id``.
        """
        return {
            'clip_id': clip_id,
            'task': self.task,
            'lang': self.lang,
            'text': '',
            'gloss': [],
            'signer': None,
            'video': video,
            'dataset': self._dataset,
            'test_mode': True,
            'rng': clip_rng(self._seed, 0, clip_id),
            'pose_store': _InMemory(poses) if isinstance(poses, Poses) else PoseFiles(),
            'pose_key': (source or clip_id) if isinstance(poses, Poses) else poses,
            'start': None,
            'end': None,
        }

    def prepare(self, start: dict[str, Any]) -> PreparedClip:
        """Run the pipeline on what ``describe`` returned.

        Raises:
            ClipError: if the clip cannot be used.
        """
        results, poses, read, hands = start, None, None, {}
        for step in self._without_video if start['video'] is None else self._steps:
            results = step(results)
            if 'poses' in results:
                poses = results['poses'] if poses is None else poses
                read, hands = results['poses'], results.get('hands', {})
        if poses is None or read is None:
            raise DataError('test_dataloader.dataset.pipeline', 'loads no poses.', "It starts with type='LoadPoses'.")
        return PreparedClip(results, poses, hands, read)


@dataclass
class _InMemory:
    """A pose store with one clip."""

    poses: Poses

    def read(self, key: str) -> Poses:
        """Return the clip, checked."""
        return self.poses.validate(key)


def _test_dataset(model: Any) -> dict[str, Any]:
    cfg = getattr(model, 'cfg', None)
    datasets = single_configs(((cfg or {}).get('test_dataloader') or {}).get('dataset') or {})
    # Of several datasets the first one's pipeline; task and language only if it has them in common with the others.
    common = [key for key in ('task', 'lang') if len({one.get(key) for one in datasets}) > 1]
    dataset = {key: value for key, value in datasets[0].items() if key not in common}
    if not dataset.get('pipeline'):
        raise DataError(
            'model.cfg',
            'has no test_dataloader.dataset.pipeline.',
            'Make the model with init_model(CONFIG, CHECKPOINT).',
        )
    return dataset


def _build(config: Any, missing_video: str) -> Callable[[dict], dict]:
    """Return a step that also takes frames in memory, and pictures of the hands from the clip's own video."""
    if isinstance(config, dict) and config.get('type', '').rpartition('.')[2] == 'LoadHandCrops':
        config = {key: value for key, value in config.items() if key != 'windows'}  # they are of the dataset's clips
    step = TRANSFORMS.build(config) if isinstance(config, dict) else config
    if _reads_video(step):
        step.reader = FilesAndFrames(step.reader)
        if missing_video == 'skip':
            step.missing_video = missing_video
    return step


def _reads_video(step: Any) -> bool:
    return getattr(step, 'reader', None) is not None
