import pytest
import torch

from unisign.checkpoints import from_official, is_official, to_official
from unisign.models import ConcatFusion, CrossAttentionFusion, PartGCNEncoder, PriorGuidedFusion
from unisign.structures import DataError


@pytest.fixture
def ours() -> dict[str, torch.Tensor]:
    encoder = PartGCNEncoder(embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=10)
    state = {f'pose_encoder.{name}': value for name, value in encoder.state_dict().items()}
    return state | {'head.language_model.shared.weight': torch.randn(3, 2)}


@pytest.mark.parametrize(
    ('name', 'published'),
    [
        ('pose_encoder.part_offset', 'part_para'),
        ('pose_encoder.projection.bias', 'pose_proj.bias'),
        ('pose_encoder.embeddings.hand.weight', 'proj_linear.right.weight'),
        ('pose_encoder.spatial_networks.body.1.residual_norm.running_mean',
         'gcn_modules.body.layer1_0.residual.1.running_mean'),
        ('pose_encoder.temporal_networks.hand.1.temporal_conv.weight',
         'fusion_gcn_modules.right.layer0_1.tcn.0.weight'),
        ('pose_encoder.spatial_networks.face_all.0.adjacency', 'gcn_modules.face_all.layer0_0.gcn.A'),
        ('head.language_model.shared.weight', 'mt5_model.shared.weight'),
    ],
)  # fmt: skip
def test_names(ours: dict[str, torch.Tensor], name: str, published: str) -> None:
    converted = to_official({name: ours[name]})
    assert published in converted
    assert is_official(converted) or published.startswith(('part_para', 'pose_proj', 'fusion_gcn'))


def test_there_and_back(ours: dict[str, torch.Tensor]) -> None:
    published = to_official(ours)
    assert published['fusion_gcn_modules.left.layer0_0.tcn.0.weight'].shape == (6, 6, 5, 1)
    again = from_official(published)
    assert again.keys() == ours.keys()
    assert all(torch.equal(again[name], ours[name]) for name in ours)


def test_hands_that_differ_are_refused(ours: dict[str, torch.Tensor]) -> None:
    published = to_official(ours)
    published['proj_linear.left.bias'] = published['proj_linear.left.bias'] + 1
    with pytest.raises(DataError, match=r'file\.pth: proj_linear\.left\.bias differs'):
        from_official(published, 'file.pth')


RGB_NAMES = {
    'rgb_encoder.backbone.features.1.0.block.1.fc1.weight': 'rgb_support_backbone.0.1.0.block.1.fc1.weight',
    'rgb_encoder.projection.bias': 'rgb_proj.bias',
    'fusion.crop_attention.attention.in_proj_weight': 'fusion_pose_rgb_DA.cross_attn.in_proj_weight',
    'fusion.crop_attention.keypoint_encoding.frequencies': (
        'fusion_pose_rgb_DA.pe_layer.positional_encoding_gaussian_matrix'
    ),
    'fusion.deformable_attention.query.weight': 'fusion_pose_rgb_DA.to_q.weight',
    'fusion.deformable_attention.offsets.2.weight': 'fusion_pose_rgb_DA.to_offsets.2.weight',
    'fusion.deformable_attention.position_bias.layers.2.bias': 'fusion_pose_rgb_DA.rel_pos_bias.mlp.1.0.bias',
    'fusion.deformable_attention.position_bias.layers.4.bias': 'fusion_pose_rgb_DA.rel_pos_bias.mlp.2.bias',
    'fusion.gate.layers.2.bias': 'fusion_gate.2.bias',
    'fusion.unused_linear.weight': 'fusion_pose_rgb_linear.weight',
}


@pytest.mark.parametrize(('name', 'published'), RGB_NAMES.items())
def test_rgb_names(name: str, published: str) -> None:
    weight = torch.randn(2)
    assert to_official({name: weight}) == {published: weight}
    assert from_official({published: weight}) == {name: weight}


def test_the_whole_fusion_has_published_names(ours: dict[str, torch.Tensor]) -> None:
    state = {f'fusion.{name}': value for name, value in PriorGuidedFusion(16, num_heads=2).state_dict().items()}
    published = to_official(ours | state)
    assert len([name for name in published if name.startswith('fusion_') and 'gcn' not in name]) == len(state) == 25
    assert from_official(published).keys() == (ours | state).keys()


@pytest.mark.parametrize('module', [CrossAttentionFusion(16, num_heads=2), ConcatFusion(16)])
def test_what_was_never_published_has_no_such_names(module: torch.nn.Module) -> None:
    with pytest.raises(DataError, match=r'no published counterpart of fusion\.'):
        to_official({f'fusion.{name}': value for name, value in module.state_dict().items()})


@pytest.mark.parametrize('name', ['gcn_modules.tail.layer0_0.gcn.A', 'gcn_modules.body.layer0_0.oops', 'classifier.0'])
def test_unknown_names_are_listed(name: str) -> None:
    with pytest.raises(DataError, match=name.replace('.', r'\.')):
        from_official({name: torch.zeros(1)})
    with pytest.raises(DataError, match='no published counterpart of pose_encoder.elsewhere'):  # noqa: RUF043
        to_official({'pose_encoder.elsewhere': torch.zeros(1)})
