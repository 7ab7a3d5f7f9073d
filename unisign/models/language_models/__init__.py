"""Language models: loading them, making small ones, and the languages that prompts name."""

from unisign.models.language_models.adapters import add_adapters, check_adapter_keys, merge_adapters
from unisign.models.language_models.kept_pieces import KeptPieces, read_kept_pieces
from unisign.models.language_models.languages import DEFAULT_PROMPT, LANGUAGE_NAMES, language_name
from unisign.models.language_models.loading import T5Family, load_language_model, on_meta_device
from unisign.models.language_models.making import make_language_model
from unisign.models.language_models.published_configs import PUBLISHED_CONFIGS
from unisign.models.language_models.tokenizer import SentencePieceTokenizer, load_tokenizer

__all__ = [
    'DEFAULT_PROMPT',
    'LANGUAGE_NAMES',
    'PUBLISHED_CONFIGS',
    'KeptPieces',
    'SentencePieceTokenizer',
    'T5Family',
    'add_adapters',
    'check_adapter_keys',
    'language_name',
    'load_language_model',
    'load_tokenizer',
    'make_language_model',
    'merge_adapters',
    'on_meta_device',
    'read_kept_pieces',
]
