"""Layers computed again in the backward pass: the same numbers, less memory, batch statistics updated once."""

import copy

import pytest
import torch

from unisign.registry import MODELS

PARTS_OF_IT = {
    'pose encoder': dict(pose_encoder=dict(with_cp=True)),
    'language model': dict(head=dict(gradient_checkpointing=True)),
    'both': dict(pose_encoder=dict(with_cp=True), head=dict(gradient_checkpointing=True)),
}


class Stored:
    """Counts the bytes that autograd keeps for the backward pass, weights left out."""

    def __init__(self, model):
        self.weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        self.seen = {}

    def keep(self, tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.weights:
            self.seen[storage.data_ptr()] = (storage.nbytes(), tensor)  # kept alive, so that no address comes twice
        return tensor

    @property
    def bytes(self):
        return sum(size for size, _ in self.seen.values())


def train_once(config, changes, batch):
    """Return the losses, gradients, statistics after a step, and the bytes stored, of a model with fixed weights."""
    config = copy.deepcopy(config)
    for part, arguments in changes.items():
        config[part].update(arguments)
    torch.manual_seed(0)
    model = MODELS.build(config).train()
    stored = Stored(model)
    torch.manual_seed(1)  # for dropout, which the repetition must draw again
    with torch.autograd.graph.saved_tensors_hooks(stored.keep, lambda tensor: tensor):
        losses = model(*batch, mode='loss')
    losses['loss'].backward()
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    return losses, gradients, dict(model.named_buffers()), stored.bytes


@pytest.mark.parametrize(('part', 'share'), [('pose encoder', 0.5), ('language model', 0.9), ('both', 0.35)])
def test_the_same_losses_gradients_and_statistics_in_less_memory(model_config, make_batch, part, share):
    changes = PARTS_OF_IT[part]
    batch = make_batch([64, 40, 64])
    config = model_config(dropout=0.1)
    losses, gradients, buffers, stored = train_once(config, {}, batch)
    again, gradients_again, buffers_again, stored_again = train_once(config, changes, batch)
    assert torch.equal(losses['loss'], again['loss'])
    for name, gradient in gradients.items():
        assert torch.allclose(gradients_again[name], gradient, rtol=1e-5, atol=1e-7), name
    assert int(buffers['pose_encoder.spatial_networks.body.0.graph_norm.num_batches_tracked']) == 1
    for name, buffer in buffers.items():
        assert torch.equal(buffers_again[name], buffer), name
    print(stored_again / stored)
    assert stored_again < share * stored


def test_evaluation_stores_nothing_and_is_the_same(model_config, make_batch):
    config, changes = model_config(), PARTS_OF_IT['both']
    torch.manual_seed(0)
    plain = MODELS.build(config).eval()
    for part, arguments in changes.items():
        config[part].update(arguments)
    repeated = MODELS.build(config).eval()
    repeated.load_state_dict(plain.state_dict())
    inputs, samples = make_batch([5, 7])
    first = plain(inputs, copy.deepcopy(samples), mode='predict')
    second = repeated(inputs, copy.deepcopy(samples), mode='predict')
    assert [sample.nbest for sample in first] == [sample.nbest for sample in second]
