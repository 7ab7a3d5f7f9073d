import pytest
import torch
from mmengine.model import convert_sync_batchnorm
from settling import settle

from unisign.models import PartGCNEncoder
from unisign.structures import PARTS


def small(**kwargs) -> PartGCNEncoder:
    sizes = dict(embed_channels=4, spatial_channels=(4, 6), temporal_channels=(6, 8), out_channels=10)
    return PartGCNEncoder(**(sizes | kwargs))


def test_published_size() -> None:
    """Spec.md, section 1: pose encoder with projection 5.35 M."""
    count = sum(p.numel() for p in PartGCNEncoder().parameters())
    assert round(count / 1e6, 2) == 5.35


def test_start_of_the_weights() -> None:
    encoder = PartGCNEncoder()
    assert not encoder.part_offset.any() and not encoder.projection.bias.any()
    assert encoder.projection.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert PartGCNEncoder(projection_std=0.3).projection.weight.std().item() == pytest.approx(0.3, rel=0.02)
    assert PartGCNEncoder(projection_std=0.3).embeddings['hand'].weight.std().item() == pytest.approx(0.02, rel=0.3)


def test_a_clip_alone_and_in_a_batch(make_batch) -> None:
    encoder = settle(small())
    inputs, _ = make_batch([7, 12, 3])
    for part in inputs['parts'].values():
        part[~inputs['mask']] = torch.nan  # what lies in the padding must not matter at all
    batch = encoder(**inputs)
    for i, length in enumerate([7, 12, 3]):
        parts = {name: part[i : i + 1, :length] for name, part in inputs['parts'].items()}
        alone = encoder(parts, torch.ones(1, length, dtype=torch.bool))
        assert torch.allclose(batch[i, :length], alone[0], atol=1e-6)
        assert not batch[i, length:].any()


def test_padding_stays_out_of_the_batch_statistics(make_batch) -> None:
    inputs, _ = make_batch([5, 9])
    encoder = small()
    twin = small()
    twin.load_state_dict(encoder.state_dict())
    encoder.train()(**inputs)
    wider = {name: torch.nn.functional.pad(part, (0, 0, 0, 0, 0, 20)) for name, part in inputs['parts'].items()}
    twin.train()(wider, torch.nn.functional.pad(inputs['mask'], (0, 20)))
    for name, value in encoder.state_dict().items():
        assert torch.allclose(value.float(), twin.state_dict()[name].float(), atol=1e-6), name
    assert encoder.spatial_networks['body'][0].graph_norm.running_mean.any()


def test_other_parts_receive_the_body_without_teaching_it(make_batch) -> None:
    inputs, _ = make_batch([6])
    encoder = settle(small())
    features = encoder.spatial(**inputs)
    hands = encoder.temporal_networks['hand']
    seen = []
    hands[0].register_forward_pre_hook(lambda module, args: seen.append(args[0].detach()))
    encoder.temporal(features)
    body = features.networks['body']
    for side, part in enumerate((PARTS['left'], PARTS['right'])):
        expected = features.networks['hand'][:, side] + body[part.body_joint, 0]
        assert torch.allclose(seen[0][:, side], expected)
    assert [PARTS[name].body_joint for name in ('left', 'right', 'face_all')] == [7, 8, 0]
    # Only the hands' quarter of the output: nothing flows back to the body's weights.
    width = encoder.projection.in_features // 4
    encoder.projection.weight.data[:, :width] = 0
    encoder(**inputs).sum().backward()
    assert not encoder.spatial_networks['body'][0].graph_conv.weight.grad.any()
    assert encoder.spatial_networks['hand'][0].graph_conv.weight.grad.any()


def test_hands_share_their_weights(make_batch) -> None:
    inputs, _ = make_batch([6])
    encoder = settle(small())
    features = encoder.spatial(**inputs).networks['hand']
    parts = inputs['parts']
    swapped = dict(parts, left=parts['right'], right=parts['left'])
    assert torch.allclose(encoder.spatial(swapped, inputs['mask']).networks['hand'], features.flip(1), atol=1e-6)


@pytest.mark.parametrize('frames', [0, 4])
def test_no_valid_frame(frames: int) -> None:
    encoder = small().train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    clips = 1 if frames else 0
    parts = {name: torch.zeros(clips, frames, len(part), 3) for name, part in PARTS.items()}
    out = encoder(parts, torch.zeros(clips, frames, dtype=torch.bool))
    assert out.shape == (clips, frames, 10)
    out.sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_synchronised_batch_norm_takes_over(make_batch) -> None:
    inputs, _ = make_batch([6, 4])
    encoder = settle(small())
    expected = encoder(**inputs)
    converted = convert_sync_batchnorm(encoder, 'torch')
    kinds = {type(m).__name__ for m in converted.modules() if 'BatchNorm' in type(m).__name__}
    assert kinds == {'SyncBatchNorm'}
    assert torch.allclose(converted.eval()(**inputs), expected, atol=1e-6)


def test_dropout_only_in_training(make_batch) -> None:
    inputs, _ = make_batch([6])
    encoder = settle(small(dropout=0.5))
    assert torch.equal(encoder(**inputs), encoder(**inputs))
    assert (encoder.train()(**inputs) == 0).float().mean() > 0.2


def test_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match='temporal_kernel=4'):
        small(temporal_kernel=4)
