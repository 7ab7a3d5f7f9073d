"""What a training step costs one side at one size, as a whole and by its parts; for ``bench_scaling.py``."""

import copy
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from baseline.model import IGNORED
from side_by_side import Measurement, forget_peak, keep_freed_memory, peak_bytes, resident_bytes
from sizes import Batch, baseline_arguments, baseline_model, make_batch, our_model
from torch import Tensor, nn

from unisign.models.language_models import T5Family
from unisign.models.losses import linear_cross_entropy

SMOOTHING = 0.2
PARTS_OF = {
    'frames': ('step', 'pose encoder', 'language encoder', 'attention'),
    'batch': ('step', 'pose encoder', 'language encoder'),
    'vocabulary': ('step', 'vocabulary loss'),
}
LONG = 2.0  # seconds; steps that are longer are timed once, the others three times


def measure_parts(side: str, over: str, folder: Path, clips: int, frames: int) -> Measurement:
    """Return ``PART, seconds`` (of the processor, with one thread) and ``PART, GiB`` for each part of a step.

    A part is its forward and backward pass. Memory is the most the process holds meanwhile above what it held before:
    with the weights, without their gradients. ``gradients, GiB`` are those of the whole step.
    """
    batch, figures = make_batch(folder, clips, frames), {}
    model = (our_model if side == 'ours' else baseline_model)(folder).train()
    parts = {name: part(name, side, model, folder, batch) for name in PARTS_OF[over]}
    for name, run in parts.items():
        figures[f'{name}, GiB'] = memory(run, model)
        if name == 'step':
            gradients = [weight.grad.nbytes for weight in model.parameters() if weight.grad is not None]
            figures['gradients, GiB'] = sum(gradients) / 2**30
    # As in training. Not before: kept memory has holes of other sizes, up to half of what is in use.
    keep_freed_memory()
    parts['step']()  # the heap grows to its size, for the parts too
    for name, run in parts.items():
        figures[f'{name}, seconds'] = duration(run, model)
    return figures


def memory(run: Callable[[], Any], model: nn.Module) -> float:
    """Return the peak of a call in GiB, above what is held before."""
    model.zero_grad(set_to_none=True)
    forget_peak()
    before = resident_bytes()
    run()
    return (peak_bytes() - before) / 2**30


def duration(run: Callable[[], Any], model: nn.Module) -> float:
    """Return the median seconds of one long call, or of three short ones."""
    # Other programs lengthen the time on the wall, hardly that of the processor; of many threads it is no use.
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times: list[float] = []
    while not times or (len(times) < 3 and times[0] < LONG):
        model.zero_grad(set_to_none=True)
        begin = clock()
        run()
        times.append(clock() - begin)
    return median(times)


def part(name: str, side: str, model: nn.Module, folder: Path, batch: Batch) -> Callable[[], Any]:
    """Return the forward and backward pass of a part, or of the whole step."""
    language_model: T5Family = model.head.language_model if side == 'ours' else model.mt5_model
    arguments = baseline_arguments(folder, batch)
    inputs = torch.randn(*batch.mask.shape, language_model.config.d_model, requires_grad=True)
    if name == 'step':
        if side == 'ours':
            return lambda: model(batch.inputs(), batch.samples, mode='loss')['loss'].backward()
        return lambda: model.loss(*arguments).backward()
    if name == 'pose encoder':
        encode = partial(model.extract_feat, batch.inputs()) if side == 'ours' else partial(model, batch.parts)
        return lambda: encode().backward(inputs.detach())
    if name == 'vocabulary loss':
        loss = our_vocabulary_loss if side == 'ours' else baseline_vocabulary_loss
        targets = arguments[3]
        hidden = torch.randn(*targets.shape, language_model.config.d_model, requires_grad=True)
        return lambda: loss(language_model, hidden, targets).backward()
    # Both sides train the same class of Hugging Face's.
    encoder = language_model.encoder if name == 'language encoder' else attention_alone(language_model.encoder)
    return lambda: encoder(inputs_embeds=inputs, attention_mask=batch.mask.long())[0].backward(inputs.detach())


def attention_alone(encoder: nn.Module) -> nn.Module:
    """Return a copy with only what grows with the square of the length, and norms and sums that do not.

    Projections and feed-forward layers become identities; scores, position bias, softmax, dropout and the weighted
    sums of the values stay.
    """
    encoder = copy.deepcopy(encoder)
    for block in encoder.block:
        attention = block.layer[0].SelfAttention
        attention.q = attention.k = attention.v = attention.o = nn.Identity()  # the heads are as wide as the model
        block.layer[-1] = nn.Identity()
        # Scores about as large as trained ones are: tiny probabilities would be slow numbers on a CPU.
        nn.init.constant_(block.layer[0].layer_norm.weight, attention.key_value_proj_dim**-0.25)
    return encoder


def our_vocabulary_loss(model: T5Family, hidden: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of decoder states [B, N, C] as the library's head computes it."""
    valid = targets != IGNORED
    return linear_cross_entropy(hidden[valid], model.lm_head.weight, targets[valid], SMOOTHING).loss


def baseline_vocabulary_loss(model: T5Family, hidden: Tensor, targets: Tensor) -> Tensor:
    """Return it as published: the language model's own loss over all positions, unread, then the smoothed one."""
    logits = model.lm_head(hidden)
    unread = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), label_smoothing=SMOOTHING, ignore_index=IGNORED)
    del unread  # alive as long as in the published step, whose output holds it until the loss is there
    return loss
