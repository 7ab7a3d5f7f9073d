"""Sizes of published language models: their models are built without asking the hub.

Weights and tokenizer still come from there, when they are first needed.
"""

from typing import Any

# Hugging Face name -> what the config.json there says, as far as it differs from the defaults of its class.
PUBLISHED_CONFIGS: dict[str, dict[str, Any]] = {
    'google/mt5-base': dict(
        model_type='mt5',
        vocab_size=250112,
        d_model=768,
        d_kv=64,
        d_ff=2048,
        num_layers=12,
        num_decoder_layers=12,
        num_heads=12,
        relative_attention_num_buckets=32,
        dropout_rate=0.1,
        layer_norm_epsilon=1e-6,
        initializer_factor=1.0,
        feed_forward_proj='gated-gelu',
        is_encoder_decoder=True,
        tie_word_embeddings=False,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        tokenizer_class='T5Tokenizer',
        architectures=['MT5ForConditionalGeneration'],
    ),
}
