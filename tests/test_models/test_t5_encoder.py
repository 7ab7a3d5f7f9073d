"""The encoder run by hand, against Hugging Face's, for the model types of the family."""

import pytest
import torch
from transformers import (
    MT5Config,
    MT5ForConditionalGeneration,
    T5Config,
    T5ForConditionalGeneration,
    UMT5Config,
    UMT5ForConditionalGeneration,
)

from unisign.models.heads.t5_decoder import apply_linear, for_products
from unisign.models.heads.t5_encoder import run_encoder

SIZES = dict(vocab_size=20, d_model=16, d_ff=24, d_kv=4, num_layers=2, num_heads=3, decoder_start_token_id=0)
KINDS = {
    'mt5': lambda: MT5ForConditionalGeneration(MT5Config(**SIZES)),
    't5 with relu': lambda: T5ForConditionalGeneration(T5Config(**SIZES)),
    't5 with gates': lambda: T5ForConditionalGeneration(T5Config(**SIZES, feed_forward_proj='gated-gelu')),
    'umt5': lambda: UMT5ForConditionalGeneration(UMT5Config(**SIZES)),
}


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('lengths', [(40, 7), (5, 5)])  # more positions than a product of few rows has, and padding
@torch.no_grad()
def test_states_are_hugging_faces(kind: str, lengths: tuple[int, int]) -> None:
    model = KINDS[kind]().eval()
    for weight in model.parameters():
        weight.normal_(std=0.3)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    embeddings = torch.randn(2, max(lengths), 16)
    expected = model.encoder(inputs_embeds=embeddings, attention_mask=mask).last_hidden_state
    found = run_encoder(model, embeddings, mask)
    assert (found - expected)[mask.bool()].abs().max() < 1e-5
    assert expected.abs().max() > 0.1


def test_linear_layers_of_few_and_many_rows() -> None:
    layer = torch.nn.Linear(4, 5, bias=False)
    for shape in ((3, 2, 4), (100, 2, 4), (0, 4)):
        x = torch.randn(shape)
        assert torch.allclose(apply_linear(layer, x), layer(x), atol=1e-6)


def test_states_are_rounded_once_where_autocast_would_do_it_for_each_product() -> None:
    x, layer = torch.randn(3, 4), torch.nn.Linear(4, 5, bias=False)
    assert for_products(x) is x
    with torch.autocast('cpu', torch.bfloat16):
        rounded = for_products(x)
        assert rounded.dtype is torch.bfloat16 and for_products(x.double()).dtype is torch.float64
        assert torch.equal(layer(rounded), layer(x))
