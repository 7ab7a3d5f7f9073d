import torch
import torch.nn.functional as F

from unisign.models.backbones.clip_timeline import ClipTimeline, _lay_out, _take_out

MASK = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [1, 1, 0, 0]], dtype=torch.bool)


def test_positions_by_hand() -> None:
    timeline = ClipTimeline(MASK, gap=2)
    assert timeline.num_frames == 6
    assert timeline.position.tolist() == [0, 1, 2, 5, 10, 11]
    assert timeline.length == 12


def test_pack_and_unpack() -> None:
    frames = torch.arange(16.0).view(4, 4, 1)
    timeline = ClipTimeline(MASK, gap=2)
    packed = timeline.pack(frames)
    assert packed.flatten().tolist() == [0, 1, 2, 4, 12, 13]
    assert torch.equal(timeline.unpack(packed), frames * MASK[..., None])


def test_each_clip_is_convolved_as_if_alone() -> None:
    weight = torch.randn(3, 3, 5)

    def convolve(timeline: torch.Tensor) -> torch.Tensor:  # [L, C]
        return F.conv1d(timeline.t()[None], weight, padding=2)[0].t()

    frames = torch.randn(6, 3)
    together = ClipTimeline(MASK, gap=2).convolve(frames, convolve)
    alone = torch.cat([convolve(clip) for clip in frames.split([3, 1, 2])])
    assert torch.allclose(together, alone, atol=1e-6)


def test_gradients_of_laying_out() -> None:
    position = torch.tensor([0, 1, 4])
    frames = torch.randn(2, 3, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: _lay_out.apply(x, position, 6), frames)
    timeline = torch.randn(2, 6, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: _take_out.apply(x, position), timeline)
