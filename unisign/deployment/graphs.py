"""The parts of a model as modules of tensors alone, in the form they are exported in.

Shape letters: B clips, T frames, L prompt and frames together, C width of the language model, N texts a clip (beams,
nodes of a tree), P tokens before, H heads, K width of a head.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from unisign.deployment.dense_timeline import DenseTimeline
from unisign.models import UniSign
from unisign.models.backbones.clip_timeline import ClipTimeline
from unisign.models.heads.t5_decoder import (
    Memory,
    attend_to_cache,
    make_memory,
    output_scale,
    position_biases,
    run_blocks,
)
from unisign.models.language_models import T5Family
from unisign.structures import PART_NAMES, PARTS

# The shape of an input: letters are free, numbers are the model's.
Shape = tuple[str | int, ...]


class PoseEncoderGraph(nn.Module):
    """Parts of the pose and the frames' mask, bool [B, T], to features [B, T, C]."""

    inputs: dict[str, Shape]
    outputs = ('features',)

    def __init__(self, model: UniSign) -> None:
        super().__init__()
        self.inputs = {name: ('B', 'T', len(part), 3) for name, part in PARTS.items()} | {'mask': ('B', 'T')}
        self.model = copy.copy(model)
        self.model._modules = dict(model._modules)  # the copy gets an encoder of its own
        encoder: Any = copy.deepcopy(model.pose_encoder)
        encoder.make_timeline = _make_timeline
        self.model.pose_encoder = encoder

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the features [B, T, C]; zeros at padded frames, unless the model repeats frames there."""
        *parts, mask = inputs
        return self.model.extract_feat(dict(parts=dict(zip(PART_NAMES, parts, strict=True)), mask=mask))


def _make_timeline(mask: Tensor, gap: int) -> Any:
    """Return the timeline of shapes alone while a graph is traced, PyTorch's own to compare it with."""
    return (DenseTimeline if torch.compiler.is_compiling() else ClipTimeline)(mask, gap)


class TextEncoderGraph(nn.Module):
    """The language model's encoder: embeddings of prompt and frames with their mask, long [B, L], to states."""

    inputs: dict[str, Shape]
    outputs = ('states',)

    def __init__(self, model: T5Family) -> None:
        super().__init__()
        self.encoder = model.encoder
        self.inputs = {'embeddings': ('B', 'L', model.config.d_model), 'mask': ('B', 'L')}

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the states [B, L, C]."""
        embeddings, mask = inputs
        return self.encoder(inputs_embeds=embeddings, attention_mask=mask.long()).last_hidden_state


class MemoryGraph(nn.Module):
    """Encoder states to the cross-attention's keys and values, which are computed once a clip."""

    inputs: dict[str, Shape]

    def __init__(self, model: T5Family) -> None:
        super().__init__()
        self.model = model
        self.inputs = {'states': ('B', 'L', model.config.d_model)}
        self.outputs = tuple(_pairs('memory', len(model.decoder.block)))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return keys [B, H, K, L] and values [B, H, L, K], layer by layer."""
        (states,) = inputs
        memory = make_memory(self.model, states, states[..., 0])
        return tuple(x for pair in zip(memory.keys, memory.values, strict=True) for x in pair)


class DecoderGraph(nn.Module):
    """One step of the decoder: the embedded token of each text, memory and cache to states and a longer cache."""

    inputs: dict[str, Shape]

    def __init__(self, model: T5Family) -> None:
        super().__init__()
        self.model, self.layers = model, len(model.decoder.block)
        config: Any = model.config
        keys: Shape = ('B', config.num_heads, config.d_kv, 'L')
        values: Shape = ('B', config.num_heads, 'L', config.d_kv)
        past: Shape = ('B', 'N', config.num_heads, 'P', config.d_kv)
        self.inputs = {'embedded': ('B', 'N', config.d_model), 'memory_bias': ('B', 1, 1, 'L')}
        self.inputs |= {name: keys if name.endswith('keys') else values for name in _pairs('memory', self.layers)}
        self.inputs |= dict.fromkeys(_pairs('past', self.layers), past)
        self.outputs = ('states', *_pairs('cache', self.layers))
        # From this distance on all positions share the last bucket.
        self.farthest = int(config.relative_attention_max_distance)
        self.biases = [bias.detach() for bias in position_biases(model, self.farthest + 1)]

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return states [B, N, C], ready for the output layer, and keys and values with the new token's."""
        embedded, memory_bias, *pairs = inputs
        memory, past = pairs[: 2 * self.layers], pairs[2 * self.layers :]
        distances = torch.arange(past[0].shape[-2] + 1).clamp(max=self.farthest)
        cache: list[Tensor] = []

        def attend(layer: int, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
            before = past[2 * layer], past[2 * layer + 1]
            attended, after = attend_to_cache(self.biases[layer][distances], queries, keys, values, before)
            cache.extend(after)
            return attended

        read = Memory(memory[::2], memory[1::2], memory_bias)
        return run_blocks(self.model, embedded, read, attend) * output_scale(self.model), *cache


Graph = PoseEncoderGraph | TextEncoderGraph | MemoryGraph | DecoderGraph


def example_inputs(graph: Graph, sizes: dict[str, int]) -> tuple[Tensor, ...]:
    """Return random inputs of a graph, with padding where there is a mask.

    Args:
        graph: the graph.
        sizes: what the letters in its shapes stand for.
    """
    made = []
    for name, shape in graph.inputs.items():
        numbers = [sizes[side] if isinstance(side, str) else side for side in shape]
        if name == 'mask':
            lengths = numbers[1] - torch.arange(numbers[0]) % numbers[1]  # the first clip fills the batch
            made.append(torch.arange(numbers[1]) < lengths[:, None])
        else:
            made.append(torch.randn(numbers))
    return tuple(made)


def _pairs(name: str, layers: int) -> list[str]:
    return [f'{name}.{layer}.{what}' for layer in range(layers) for what in ('keys', 'values')]
