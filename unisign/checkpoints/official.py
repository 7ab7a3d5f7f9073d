"""Names of the published checkpoints' weights and ours, both ways (spec.md section 7).

Only names are changed, and the temporal convolutions' shape ([C, C, 5, 1] there, [C, C, 1, 5] here). The published
file holds the hands' shared weights twice, as ``left`` and as ``right``. Of the RGB branch, ``EfficientNet`` and
``PriorGuidedFusion`` have published counterparts.
"""

import re

import torch
from torch import Tensor

from unisign.structures import DataError

_KEYPOINT_ENCODING = 'fusion_pose_rgb_DA.pe_layer.positional_encoding_gaussian_matrix'
# Prefixes: ours -> published.
_PREFIXES = {
    'pose_encoder.part_offset': 'part_para',
    'pose_encoder.projection.': 'pose_proj.',
    'head.language_model.': 'mt5_model.',
    'rgb_encoder.backbone.features.': 'rgb_support_backbone.0.',
    'rgb_encoder.projection.': 'rgb_proj.',
    'fusion.crop_attention.keypoint_encoding.frequencies': _KEYPOINT_ENCODING,
    'fusion.crop_attention.attention.': 'fusion_pose_rgb_DA.cross_attn.',
    'fusion.deformable_attention.offsets.': 'fusion_pose_rgb_DA.to_offsets.',
    'fusion.deformable_attention.position_bias.layers.0.': 'fusion_pose_rgb_DA.rel_pos_bias.mlp.0.0.',
    'fusion.deformable_attention.position_bias.layers.2.': 'fusion_pose_rgb_DA.rel_pos_bias.mlp.1.0.',
    'fusion.deformable_attention.position_bias.layers.4.': 'fusion_pose_rgb_DA.rel_pos_bias.mlp.2.',
    'fusion.deformable_attention.query.': 'fusion_pose_rgb_DA.to_q.',
    'fusion.deformable_attention.key.': 'fusion_pose_rgb_DA.to_k.',
    'fusion.deformable_attention.value.': 'fusion_pose_rgb_DA.to_v.',
    'fusion.deformable_attention.output.': 'fusion_pose_rgb_DA.to_out.',
    'fusion.gate.layers.': 'fusion_gate.',
    'fusion.unused_linear.': 'fusion_pose_rgb_linear.',
}
# Networks: ours -> published, where {i} is the block.
_NETWORKS = {
    'spatial_networks': ('gcn_modules', 'layer{i}_0'),
    'temporal_networks': ('fusion_gcn_modules', 'layer0_{i}'),
}
# Modules of a block: ours -> published.
_BLOCK_MODULES = {
    'adjacency': 'gcn.A',
    'graph_conv': 'gcn.conv',
    'graph_norm': 'gcn.bn',
    'temporal_conv': 'tcn.0',
    'temporal_norm': 'tcn.1',
    'residual_conv': 'residual.0',
    'residual_norm': 'residual.1',
}
_PARTS = {'body': 'body', 'hand': 'right', 'face_all': 'face_all'}
_OURS = re.compile(r'pose_encoder\.(embeddings|spatial_networks|temporal_networks)\.(\w+)\.(.+)')
_PUBLISHED = re.compile(r'(proj_linear|gcn_modules|fusion_gcn_modules)\.(\w+)\.(.+)')


def is_official(state: dict[str, Tensor]) -> bool:
    """Tell whether a state dict has the published names."""
    return any(name.startswith(('mt5_model.', 'gcn_modules.', 'proj_linear.')) for name in state)


def from_official(state: dict[str, Tensor], source: object = 'published checkpoint') -> dict[str, Tensor]:
    """Return a published state dict under our names.

    Args:
        state: name -> tensor, as in the file's entry ``model``.
        source: the file, for errors.

    Raises:
        DataError: for a name that is not known, or left and right hand weights that differ or are not both there.
    """
    converted, unknown = {}, []
    for name, value in state.items():
        if '.right.' in name and name.replace('.right.', '.left.') not in state:
            raise DataError(source, f'{name} has no twin for the left hand in the file.', 'Fetch it again.')
        if '.left.' in name:
            twin = state.get(name.replace('.left.', '.right.'))
            if twin is None or not torch.equal(twin, value):
                raise DataError(
                    source, f'{name} differs from the right hand, whose weights it must share.', 'Fetch it again.'
                )
            continue
        ours = _our_name(name)
        if ours is None:
            unknown.append(name)
        else:
            converted[ours] = _turn_kernel(ours, value)
    if unknown:
        raise DataError(
            source,
            f'{len(unknown)} names are not those of a published model: {_some(unknown)}.',
            'Rename those weights yourself, or leave them out of the file.',
        )
    return converted


def to_official(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return our state dict under the published names, the hands' weights as ``left`` and as ``right``.

    Raises:
        DataError: for a name that has no published counterpart.
    """
    converted, unknown = {}, []
    for name, value in state.items():
        published = _published_name(name)
        if published is None:
            unknown.append(name)
            continue
        converted[published] = _turn_kernel(name, value)
        if '.right.' in published:
            converted[published.replace('.right.', '.left.')] = converted[published]
    if unknown:
        raise DataError('state dict', f'no published counterpart of {_some(unknown)}.')
    return converted


def _our_name(name: str) -> str | None:
    for ours, published in _PREFIXES.items():
        if name.startswith(published):
            return ours + name.removeprefix(published)
    match = _PUBLISHED.fullmatch(name)
    networks = {published: ours for ours, published in _PARTS.items()}
    if not match or match[2] not in networks:
        return None
    room, network, rest = match[1], networks[match[2]], match[3]
    if room == 'proj_linear':
        return f'pose_encoder.embeddings.{network}.{rest}'
    for ours, (published, layer) in _NETWORKS.items():
        block = re.fullmatch(layer.format(i=r'(\d+)') + r'\.(.+)', rest)
        if room == published and block:
            module = _replace_prefix(block[2], {b: a for a, b in _BLOCK_MODULES.items()})
            return module and f'pose_encoder.{ours}.{network}.{block[1]}.{module}'
    return None


def _published_name(name: str) -> str | None:
    for ours, published in _PREFIXES.items():
        if name.startswith(ours):
            return published + name.removeprefix(ours)
    match = _OURS.fullmatch(name)
    if not match or match[2] not in _PARTS:
        return None
    room, part, rest = match[1], _PARTS[match[2]], match[3]
    if room == 'embeddings':
        return f'proj_linear.{part}.{rest}'
    published, layer = _NETWORKS[room]
    index, _, module = rest.partition('.')
    module = _replace_prefix(module, _BLOCK_MODULES)
    return module and f'{published}.{part}.{layer.format(i=index)}.{module}'


def _turn_kernel(our_name: str, weight: Tensor) -> Tensor:
    return weight.transpose(2, 3) if our_name.endswith('temporal_conv.weight') else weight


def _replace_prefix(name: str, prefixes: dict[str, str]) -> str | None:
    for old, new in prefixes.items():
        if name == old or name.startswith(old + '.'):
            return new + name.removeprefix(old)
    return None


def _some(names: list[str], count: int = 5) -> str:
    return ', '.join(names[:count]) + (f' and {len(names) - count} more' if len(names) > count else '')
