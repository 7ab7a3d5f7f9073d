"""Train and evaluate on a device that is not the CPU, for ``test_stand_in_device``; prints what came out as JSON.

Arguments: folder of the benchmarks, folder of a small language model with a list of words.
"""

import copy
import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])
import stand_in_device
import torch
from sizes import Batch, add_hands, make_batch

from unisign.engine import SignOptimWrapperConstructor
from unisign.models import UniSign
from unisign.registry import MODELS

FOLDER = Path(sys.argv[2])


def main() -> None:
    """Print what the device does, next to the CPU."""
    device = stand_in_device.start()
    found: dict[str, Any] = dict(mixed=refusal(device), notes=notes(device))
    for rgb in (False, True):
        batch = make_batch(FOLDER, 3, 12)
        batch.mask[0, 7:] = False
        batch = add_hands(batch) if rgb else batch
        model = make_model(rgb)
        expected = train(model, batch)
        rounded, texts = train(model, batch, torch.bfloat16), evaluate(model, batch)
        stepped = step(copy.deepcopy(model), batch)
        model, batch = model.to(device), batch.to(stand_in_device.NAME)
        same_texts = evaluate(model, batch) == texts
        with stand_in_device.recorded() as log:
            run(model, batch)
        found['rgb' if rgb else 'pose'] = dict(
            operations=log.operations(),
            waits=list(log.waits),
            off=difference(train(model, batch), expected),
            off_in_bfloat16=difference(train(model, batch, torch.bfloat16), expected),
            off_in_bfloat16_on_the_cpu=difference(rounded, expected),
            texts=texts,
            same_texts=same_texts,
            off_after_a_step=difference(step(model, batch), stepped),
        )
    print(json.dumps(found))


def refusal(device: torch.device) -> str:
    """Return what is said about an operation on tensors of both devices."""
    try:
        torch.ones(3, device=device) + torch.ones(3)
    except RuntimeError as error:
        return str(error)
    return ''


def notes(device: torch.device) -> dict[str, Any]:
    """Return what is noted of a product, beside a tensor of 1,000 bytes that is there and one that was."""
    there = torch.zeros(250, device=device)
    before = stand_in_device.held_bytes()
    a, b = torch.ones(2, 3, device=device), torch.ones(3, 4, device=device)
    with stand_in_device.recorded() as log:
        product = a @ b.view(3, 4)
        torch.zeros(10, device=device)
    call = log.calls[0]
    seconds = [call.seconds(*speed) for speed in ((48.0, 208.0, 0.1), (480.0, 208.0, 0.1), (480.0, 2080.0, 2.0))]
    held = [stand_in_device.held_bytes() - before, log.most_held - before]
    del there, a, b, product
    held.append(stand_in_device.held_bytes() - before)
    return dict(call=[call.name, call.traffic, call.arithmetic], seconds=seconds, held=held)


def make_model(rgb: bool) -> UniSign:
    """Return a model with a small pose encoder, the language model of the folder and no dropout."""
    torch.manual_seed(0)
    width = json.loads((FOLDER / 'config.json').read_text())['d_model']
    channels = dict(spatial_channels=(8, 16, 32), temporal_channels=(32, 32, 32), embed_channels=8)
    model = dict(
        type='UniSign',
        pose_encoder=dict(type='PartGCNEncoder', out_channels=width, projection_std=0.3, **channels),
        head=dict(
            type='MT5GenerationHead', language_model=str(FOLDER), pretrained=False, dropout=0.0,
            generation=dict(num_beams=4, max_new_tokens=8),
        ),
    )  # fmt: skip
    if rgb:
        encoder = dict(type='HandCropEncoder', backbone=dict(type='SmallConvNet'), out_channels=32)
        model |= dict(rgb_encoder=encoder, fusion=dict(type='PriorGuidedFusion', channels=32, num_heads=4))
    return MODELS.build(model)


def train(model: UniSign, batch: Batch, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
    """Return loss and gradients, on the CPU."""
    loss = run(model, batch, dtype)
    gradients = {name: weight.grad.cpu() for name, weight in model.named_parameters() if weight.grad is not None}
    return gradients | dict(loss=loss.detach().cpu())


def run(model: UniSign, batch: Batch, dtype: torch.dtype | None = None) -> torch.Tensor:
    """Run both passes; returns the loss."""
    model.train().zero_grad()
    with torch.autocast(batch.mask.device.type, dtype=dtype) if dtype else nullcontext():
        loss = model(batch.inputs(), batch.samples, mode='loss')['loss']
    loss.backward()
    return loss


def step(model: UniSign, batch: Batch) -> dict[str, torch.Tensor]:
    """Return the weights after a step with clipped gradients, on the CPU."""
    recipe = dict(optimizer=dict(type='SGD', lr=1.0), clip_grad=dict(max_norm=0.5))
    wrapper = SignOptimWrapperConstructor(recipe)(model)
    run(model, batch)
    wrapper.step()
    return {name: weight.detach().cpu() for name, weight in model.named_parameters()}


def evaluate(model: UniSign, batch: Batch) -> list[str]:
    """Return the answers."""
    with torch.no_grad():
        return [sample.pred_text for sample in model.eval()(batch.inputs(), batch.samples, mode='predict')]


def difference(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """Return how far all tensors together are off, as a share of their norm."""
    assert found.keys() == expected.keys()
    squares = [((found[name] - value).square().sum(), value.square().sum()) for name, value in expected.items()]
    off, size = (torch.stack(one).sum() for one in zip(*squares, strict=True))
    return float((off / size).sqrt())


if __name__ == '__main__':
    main()
