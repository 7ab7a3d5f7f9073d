"""Batch norm and SiLU in one step, against PyTorch's two."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unisign.models.backbones.lean_conv_norm import NormSilu, use_lean_activations

FORMATS = {'channels first': torch.contiguous_format, 'channels last': torch.channels_last}


def network() -> nn.Module:
    torch.manual_seed(0)
    blocks = [nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.SiLU(inplace=True)) for _ in range(2)]
    made = nn.Sequential(*blocks, nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2))).double()
    for norm in made.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight), nn.init.normal_(norm.bias), nn.init.normal_(norm.running_mean)
    return made


def test_by_hand() -> None:
    """1 and 3 are normalised to -1 and 1; SiLU is x / (1 + exp(-x))."""
    norm = nn.BatchNorm2d(1, eps=0.0, momentum=1.0)
    x = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).requires_grad_()
    out = NormSilu.apply(x, norm, norm.weight, norm.bias)
    assert out.flatten().tolist() == pytest.approx([-0.2689414, 0.7310586])
    assert (norm.running_mean.item(), norm.running_var.item()) == (2.0, 2.0)
    # Whatever the two are, they are normalised to the same; the weight's gradient is SiLU'(1) - SiLU'(-1).
    out.sum().backward()
    slopes = [0.0723295, 0.9276705]
    assert x.grad.flatten().tolist() == pytest.approx([0.0, 0.0], abs=1e-6)
    assert norm.weight.grad.item() == pytest.approx(slopes[1] - slopes[0])
    assert norm.bias.grad.item() == pytest.approx(1.0)


@pytest.mark.parametrize('layout', FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize('training', [True, False])
def test_as_the_plain_network(layout: torch.memory_format, training: bool) -> None:
    plain = network().train(training)
    lean = copy.deepcopy(plain)
    use_lean_activations(lean)
    assert lean.state_dict().keys() == plain.state_dict().keys()
    images, given = torch.randn(4, 3, 6, 5).double(), torch.randn(4, 2, 6, 5).double()
    results = []
    for model in (plain, lean):
        x = images.contiguous(memory_format=layout).requires_grad_()
        out = model(x)
        out.backward(given)
        results.append([out, x.grad, *(weight.grad for weight in model.parameters()), *model.buffers()])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-11)


def test_less_is_kept() -> None:
    """Of three pictures of the same size, one between convolution and norm and one behind SiLU; not the one between."""

    def kept(model: nn.Module) -> int:
        pieces = {}

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            pieces[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            out = model(images)
        held.append(out)
        return sum(pieces.values())

    held: list[torch.Tensor] = []
    images = torch.randn(4, 3, 16, 16).double().contiguous(memory_format=torch.channels_last)
    plain, lean = network(), network()
    use_lean_activations(lean)
    assert kept(plain) - kept(lean) == pytest.approx(2 * images.nbytes, rel=0.05)


def test_empty_and_synchronised() -> None:
    block = network()[0].eval()
    use_lean_activations(nn.Sequential(block))
    assert block(torch.zeros(0, 3, 6, 5).double()).shape == (0, 3, 6, 5)
    images = torch.randn(2, 3, 6, 5).double()
    alone = block.train()(images)
    synchronised = nn.SyncBatchNorm.convert_sync_batchnorm(block)
    assert isinstance(synchronised[1], nn.SyncBatchNorm)
    assert torch.equal(synchronised(images), alone)
    assert torch.allclose(alone, F.silu(block[1](block[0](images))), atol=1e-12)
