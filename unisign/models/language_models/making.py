"""A small language model of one's own: tokenizer trained on the corpus, configuration with random weights."""

import io
import re
from collections.abc import Iterable
from pathlib import Path

import sentencepiece
from transformers import GenerationConfig, MT5Config, T5Tokenizer

from unisign.models.language_models.languages import DEFAULT_PROMPT, language_name
from unisign.models.language_models.tokenizer import TOKENIZER_FILE
from unisign.structures import DataError

NUM_SPECIAL_PIECES = 3 + 256  # <pad>, </s>, <unk>, and one piece a byte
# Scripts that write words without spaces between them: Han, kana, Thai, Lao, Khmer, Burmese.
_UNSPACED = re.compile('[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]')


def make_language_model(
    texts: Iterable[str],
    out_dir: str | Path,
    vocab_size: int = 1000,
    languages: Iterable[str] = (),
    d_model: int = 128,
    d_ff: int = 256,
    num_layers: int = 2,
    num_heads: int = 4,
    d_kv: int = 32,
    dropout_rate: float = 0.1,
    tie_word_embeddings: bool = False,
    seed: int = 42,
) -> Path:
    """Write a folder for ``MT5GenerationHead(language_model=FOLDER, pretrained=False)``.

    In scripts that write words without spaces every character is a piece of its own: in a small corpus the pieces of
    Chinese would otherwise be whole phrases, which new sentences do not repeat.

    Args:
        texts: the corpus: sentences, words, glosses; empty ones are skipped.
        out_dir: the folder to write.
        vocab_size: pieces wanted, at most; bytes and every character of the corpus always get a piece.
        languages: codes of the languages that prompts will name, so that the prompt is cut into few pieces.
        d_model: width of the model.
        d_ff: width of the feed-forward layers.
        num_layers: blocks of the encoder, and of the decoder.
        num_heads: attention heads.
        d_kv: width of a head.
        dropout_rate: dropout in training.
        tie_word_embeddings: whether the output layer shares the input embedding's weights (mT5's does not).
        seed: of SentencePiece.

    Returns:
        ``out_dir``.

    Raises:
        DataError: if there is no text.
    """
    out_dir = Path(out_dir)
    sentences = [text.strip() for text in texts if text and text.strip()]
    if not sentences:
        raise DataError(out_dir, 'no text to train a tokenizer on.', 'Give annotations that have "text" or "gloss".')
    sentences += [DEFAULT_PROMPT.format(language=language_name(code)) for code in sorted(set(languages))]
    out_dir.mkdir(parents=True, exist_ok=True)
    tokenizer_file = out_dir / TOKENIZER_FILE
    tokenizer_file.write_bytes(_train_sentencepiece(sentences, vocab_size, seed))
    tokenizer = T5Tokenizer(str(tokenizer_file), extra_ids=0, legacy=True)
    tokenizer.save_pretrained(out_dir)  # for other programs; unisign reads the SentencePiece model itself
    MT5Config(
        vocab_size=len(tokenizer),
        d_model=d_model,
        d_ff=d_ff,
        d_kv=d_kv,
        num_layers=num_layers,
        num_decoder_layers=num_layers,
        num_heads=num_heads,
        dropout_rate=dropout_rate,
        tie_word_embeddings=tie_word_embeddings,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        architectures=['MT5ForConditionalGeneration'],
    ).save_pretrained(out_dir)
    GenerationConfig(decoder_start_token_id=0, pad_token_id=0, eos_token_id=1).save_pretrained(out_dir)
    return out_dir


def _train_sentencepiece(sentences: list[str], vocab_size: int, seed: int) -> bytes:
    characters = {character for sentence in sentences for character in sentence} | {'▁'}
    single_pieces = sorted(character for character in characters if _UNSPACED.match(character))
    num_characters = len(characters) + len(single_pieces)
    model = io.BytesIO()
    sentencepiece.set_random_generator_seed(seed)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type='bpe',  # whole words already from a small corpus, where the unigram model falls to letters
        # SentencePiece refuses a vocabulary that does not hold every character; it stops below the limit by itself.
        vocab_size=max(vocab_size, NUM_SPECIAL_PIECES + num_characters + 1),
        hard_vocab_limit=False,
        character_coverage=1.0,
        byte_fallback=True,
        user_defined_symbols=single_pieces,
        normalization_rule_name='identity',  # the text that comes out is the text of the annotations
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        pad_piece='<pad>',
        eos_piece='</s>',
        unk_piece='<unk>',
        max_sentence_length=65536,
        num_threads=1,
        minloglevel=2,
    )
    return model.getvalue()
