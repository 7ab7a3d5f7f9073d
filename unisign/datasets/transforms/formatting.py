"""The last steps of a pipeline: from poses to what the model and the metrics take."""

import torch

from unisign.datasets.transforms.part_normalization import normalize_parts
from unisign.registry import TRANSFORMS
from unisign.structures import SignDataSample

META_KEYS = ('clip_id', 'task', 'lang', 'dataset', 'signer')


@TRANSFORMS.register_module()
class NormalizeParts:
    """Turn the poses into the four normalised parts (``normalize_parts``; spec.md, section 2).

    Required keys: poses. Added keys: parts (part name -> float32 [T, V, 3], values in [-1, 1]).
    """

    def __call__(self, results: dict) -> dict:
        """Return ``results`` with parts."""
        poses = results['poses']
        results['parts'] = normalize_parts(poses.keypoints, poses.scores)
        return results


@TRANSFORMS.register_module()
class PackSignInputs:
    """Give what the batch is made of.

    Required keys: parts, text, clip_id, task, lang, dataset, signer.
    Returns ``dict(inputs=dict(parts={name: float32 tensor [T, V, 3]}), data_samples=SignDataSample)``; the sample's
    meta information: clip_id, task, lang, dataset, signer, num_frames.
    """

    def __call__(self, results: dict) -> dict:
        """Return inputs and data sample of the clip."""
        parts = {name: torch.from_numpy(part) for name, part in results['parts'].items()}
        num_frames = len(next(iter(parts.values())))
        return {'inputs': {'parts': parts}, 'data_samples': make_data_sample(results, num_frames)}


def make_data_sample(results: dict, num_frames: int) -> SignDataSample:
    """Return the data sample of the clip that ``results`` describes, with ``gt_text`` and meta information."""
    meta = {key: results[key] for key in META_KEYS}
    meta['num_frames'] = num_frames
    return SignDataSample(metainfo=meta, gt_text=results['text'])
