"""The last steps of a pipeline: from poses to what the model and the metrics take."""

import torch

from unisign.datasets.transforms.part_normalization import normalize_parts
from unisign.registry import TRANSFORMS
from unisign.structures import SignDataSample

OPTIONAL_META_KEYS = ('rgb_failure',)
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

    Required keys: parts, text, clip_id, task, lang, dataset, signer. Optional: hands, rgb_failure.
    Returns ``dict(inputs=dict(parts={name: float32 tensor [T, V, 3]}), data_samples=SignDataSample)``; the sample's
    meta information: clip_id, task, lang, dataset, signer, num_frames, and rgb_failure where there is one. With crops
    of the hands, inputs also has ``hands``: for ``left`` and ``right`` a dict: images uint8 [N, 3, S, S], keypoints
    float32 [N, 21, 2], frames int64 [N].
    """

    def __call__(self, results: dict) -> dict:
        """Return inputs and data sample of the clip.

        Raises:
            ValueError: if a transform has left crops of frames that the clip no longer has.
        """
        parts = {name: torch.from_numpy(part) for name, part in results['parts'].items()}
        num_frames = len(next(iter(parts.values())))
        inputs: dict[str, dict] = {'parts': parts}
        if 'hands' in results:
            inputs['hands'] = {side: _pack_hand(hand, num_frames) for side, hand in results['hands'].items()}
        return {'inputs': inputs, 'data_samples': make_data_sample(results, num_frames)}


def _pack_hand(hand: dict, num_frames: int) -> dict[str, torch.Tensor]:
    frames = torch.from_numpy(hand['frames'])
    if len(frames) and int(frames.max()) >= num_frames:
        raise ValueError(
            f'there is a crop of frame {int(frames.max())} of a clip of {num_frames} frames; a transform behind '
            'LoadHandCrops that changes the frames must call keep_hands_in_step'
        )
    # As they were read, channels last in memory, which convolutions like too.
    images = torch.from_numpy(hand['images']).permute(0, 3, 1, 2)
    return {'images': images, 'keypoints': torch.from_numpy(hand['keypoints']), 'frames': frames}


def make_data_sample(results: dict, num_frames: int) -> SignDataSample:
    """Return the data sample of the clip that ``results`` describes, with ``gt_text`` and meta information."""
    meta = {key: results[key] for key in META_KEYS}
    meta['num_frames'] = num_frames
    meta |= {key: results[key] for key in OPTIONAL_META_KEYS if key in results}
    return SignDataSample(metainfo=meta, gt_text=results['text'])
