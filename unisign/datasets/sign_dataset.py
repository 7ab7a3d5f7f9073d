"""``SignDataset``: clips of one annotation file, for one task."""

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.data import Dataset

from unisign.datasets.annotations import Annotation, AnnotationFile
from unisign.datasets.clip_paths import ClipPaths
from unisign.datasets.transforms.formatting import make_data_sample
from unisign.registry import DATASETS, POSE_STORES, TRANSFORMS
from unisign.structures import ClipError, DataError

TASKS = ('islr', 'cslr', 'slt')


@dataclass(frozen=True)
class DatasetOverview:
    """What a model must know about a dataset before it sees a clip.

    Attributes:
        source: the annotation file.
        task: ``islr``, ``cslr`` or ``slt``.
        languages: language code -> id of the first clip in it.
        targets: target text -> number of clips; clips without a target are left out.
    """

    source: Path
    task: str
    languages: dict[str, str]
    targets: Counter[str]


@DATASETS.register_module()
class SignDataset(Dataset):
    """Clips with their texts, for isolated recognition, continuous recognition or translation.

    A clip goes through the pipeline as a dict with the keys ``clip_id``, ``task``, ``lang``, ``text`` (the target),
    ``gloss`` (list), ``signer``, ``video`` (absolute path or None), ``dataset`` (name), ``test_mode``, ``rng``
    (``np.random.Generator``), and for ``LoadPoses`` ``pose_store``, ``pose_key``, ``start``, ``end``.

    ``rng`` depends on seed, epoch and clip id alone, never on the worker, the batch or the order. The batch samplers of
    this library ask for ``dataset[epoch, index]``; a plain ``dataset[index]`` is epoch 0.

    A clip that cannot be read (``ClipError``, or ``OSError``) comes back as ``dict(inputs=None, data_samples=sample)``
    whose meta ``failure`` says why; nothing is put in its place. Any other error is a bug and is raised.

    Args:
        ann_file: JSON Lines; used as given if it exists, else looked up below ``data_root``.
        task: ``islr`` and ``slt`` take "text" as the target (``islr`` falls back to a single gloss), ``cslr`` the
            glosses joined by spaces.
        pipeline: configs of transforms, or callables.
        data_root: where paths are looked up if they do not exist relative to the annotation file's folder.
        lang: language of clips whose annotation names none.
        pose_store: config of a pose store, or a store. ``PoseFiles`` looks up paths; any other store is asked for the
            annotation's "poses" as it stands.
        test_mode: targets may be missing (they are '' then), and every epoch counts as epoch 0.
        seed: of all randomness in the pipeline.
        max_failed_share: share of distinct clips that may fail before the run stops (``FailedClipHook``).
        name: what logs, scores and predictions call this dataset; '' takes the annotation file's name.
        languages: use only the clips in these languages; None uses all.

    Raises:
        DataError: if the annotation file is missing or wrong, a target is missing (unless ``test_mode``), or a clip has
            no language, or none is left.
    """

    def __init__(
        self,
        ann_file: str,
        task: str,
        pipeline: Sequence[dict | Callable],
        data_root: str = '',
        lang: str | None = None,
        pose_store: dict | object = None,
        test_mode: bool = False,
        seed: int = 42,
        max_failed_share: float = 0.01,
        name: str = '',
        languages: Sequence[str] | None = None,
    ) -> None:
        if task not in TASKS:
            raise DataError(ann_file, f'task should be one of {", ".join(TASKS)}, got {task!r}.', 'Correct the config.')
        self.task, self.lang, self.test_mode, self.seed = task, lang, test_mode, seed
        self.max_failed_share = max_failed_share
        self.ann_file = _find_annotation_file(ann_file, Path(data_root))
        self.paths = ClipPaths(self.ann_file.parent, data_root)
        self.name = name or self.ann_file.stem
        self.languages = None if languages is None else frozenset(languages)
        self.annotations = AnnotationFile(self.ann_file, check=self._check, keep=self._keep)
        if not len(self.annotations):
            raise DataError(
                self.ann_file, f'holds no clip in {", ".join(sorted(languages or ()))}.', 'Correct languages=[..].'
            )
        pose_store = {'type': 'PoseFiles'} if pose_store is None else pose_store
        self.pose_store = POSE_STORES.build(pose_store) if isinstance(pose_store, dict) else pose_store
        self.pipeline = [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in pipeline]
        self._lengths: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.annotations)

    def __getitem__(self, index: int | tuple[int, int]) -> dict:
        """Return ``dict(inputs=.., data_samples=..)`` of clip ``index``, or of ``(epoch, index)``."""
        epoch, index = index if isinstance(index, tuple) else (0, index)
        results = start = self.describe(index, epoch)
        try:
            for step in self.pipeline:
                results = step(results)
        except (ClipError, OSError) as error:
            sample = make_data_sample(start, num_frames=0)
            sample.set_metainfo({'failure': str(error)})
            return {'inputs': None, 'data_samples': sample}
        return results

    def describe(self, index: int, epoch: int = 0) -> dict:
        """Return what the pipeline starts from, for clip ``index`` in ``epoch``."""
        annotation = self.annotations[index]
        return {
            'clip_id': annotation.id,
            'task': self.task,
            'lang': annotation.lang or self.lang,
            'text': target_text(annotation, self.task) or '',
            'gloss': list(annotation.gloss),
            'signer': annotation.signer,
            'video': self.paths.find(annotation.video) if annotation.video else None,
            'dataset': self.name,
            'test_mode': self.test_mode,
            'rng': clip_rng(self.seed, 0 if self.test_mode else epoch, annotation.id),
            'pose_store': self.pose_store,
            'pose_key': self._pose_key(annotation),
            'start': annotation.start,
            'end': annotation.end,
        }

    def overview(self) -> DatasetOverview:
        """Return languages and targets, from one pass over the annotations."""
        languages: dict[str, str] = {}
        targets: Counter[str] = Counter()
        for annotation in (self.annotations[i] for i in range(len(self))):
            languages.setdefault(annotation.lang or str(self.lang), annotation.id)
            targets[target_text(annotation, self.task) or ''] += 1
        del targets['']
        return DatasetOverview(self.ann_file, self.task, languages, targets)

    @property
    def metainfo(self) -> dict:
        """What evaluators are told about the dataset."""
        return {'dataset': self.name, 'task': self.task, 'ann_file': str(self.ann_file)}

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip before sampling, int64 [N], as far as headers and annotations tell; 0 if unknown.

        Raises:
            DataError: if a packed store cannot be opened.
        """
        if self._lengths is None:
            annotations = [self.annotations[i] for i in range(len(self))]
            with_poses = [i for i, annotation in enumerate(annotations) if annotation.poses]
            stored = np.zeros(len(self), dtype=np.int64)
            if with_poses and hasattr(self.pose_store, 'known_lengths'):
                stored[with_poses] = self.pose_store.known_lengths([self._pose_key(annotations[i]) for i in with_poses])
            for i, annotation in enumerate(annotations):
                if annotation.start is not None or annotation.end is not None:
                    end = annotation.end or int(stored[i])
                    stored[i] = max(end - (annotation.start or 0), 0)
            self._lengths = stored
        return self._lengths

    def _keep(self, annotation: Annotation) -> bool:
        return self.languages is None or (annotation.lang or self.lang) in self.languages

    def _check(self, annotation: Annotation) -> str:
        if not annotation.lang and not self.lang:
            return f'{annotation.id!r} has no "lang", and the dataset sets none (SignDataset(lang=..))'
        if target_text(annotation, self.task) is None and not self.test_mode:
            wanted = '"gloss"' if self.task == 'cslr' else '"text"'
            return f'{annotation.id!r} has no {wanted}, which is what {self.task} learns'
        return ''

    def _pose_key(self, annotation: Annotation) -> str | None:
        poses = annotation.poses
        if not poses or not getattr(self.pose_store, 'keys_are_paths', False):
            return poses
        return self.paths.find_poses(poses)


def target_text(annotation: Annotation, task: str) -> str | None:
    """Return what ``task`` should write for the clip; None if the annotation does not say."""
    if task == 'cslr':
        return ' '.join(annotation.gloss) or None
    if task == 'islr' and not annotation.text and len(annotation.gloss) == 1:
        return annotation.gloss[0]
    return annotation.text or None


def clip_rng(seed: int, epoch: int, clip_id: str) -> np.random.Generator:
    """Return the random generator of one clip in one epoch, the same on every machine and in every worker."""
    return np.random.default_rng((seed, epoch, zlib.crc32(clip_id.encode())))


def _find_annotation_file(ann_file: str, data_root: Path) -> Path:
    for path in (Path(ann_file), data_root / ann_file):
        if path.is_file():
            return path.absolute()
    looked = dict.fromkeys(str(path.absolute()) for path in (Path(ann_file), data_root / ann_file))
    raise DataError(
        ann_file, f'no such annotation file; looked for {" and ".join(looked)}.', 'Check ann_file and data_root.'
    )
