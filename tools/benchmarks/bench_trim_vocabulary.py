"""Trim a language model with the rows of mT5-base: sizes, answers, the time of a training step, before and after.

Example: ``python tools/benchmarks/bench_trim_vocabulary.py``. The tokenizer is made up: real SentencePiece pieces of
the corpus, between random ones up to 250,100, and 12 rows without a piece, as mT5-base has them. The weights are
random, the layers few and narrow; the output rows of the random pieces are a third as large, for a trained model seldom
writes another language. The corpus is made up too (English-like and Chinese-like, few words frequent, most of them
rare), or given by ``--corpus``. Training steps of both models (AdamW, on the CPU; time that the process computes on one
core) are timed in turns, and medians are given.
"""

import argparse
import io
import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import sentencepiece
import torch
from transformers import MT5Config, MT5ForConditionalGeneration

from unisign.datasets.corpus_texts import read_corpus
from unisign.engine.trim_vocabulary import trim_vocabulary
from unisign.models.heads.beam_search import beam_search
from unisign.models.language_models import KeptPieces, SentencePieceTokenizer, load_language_model, load_tokenizer
from unisign.models.language_models.piece_choice import parse_piece_model

PIECES, ROWS = 250_100, 250_112  # mT5-base's
MT5_BASE_PARAMETERS, MT5_BASE_WIDTH = 582_401_280, 768


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--corpus', nargs='+', help='annotations (.jsonl) or text files; default: made-up texts')
    parser.add_argument('--texts', type=int, default=20_000, help='made-up texts (%(default)s)')
    parser.add_argument('--vocabulary', type=int, default=16_000, help='pieces learnt from the corpus (%(default)s)')
    parser.add_argument('--d-model', type=int, default=256, help='width of the model (%(default)s)')
    parser.add_argument('--layers', type=int, default=2, help='of the encoder, and of the decoder (%(default)s)')
    parser.add_argument('--batch', type=int, default=8, help='texts in a batch (%(default)s)')
    parser.add_argument('--rounds', type=int, default=5, help='training steps of each that are timed (%(default)s)')
    parser.add_argument('--compared', type=int, default=200, help='texts whose states and logits are compared')
    return parser.parse_args()


def made_up_texts(count: int, seed: int) -> list[str]:
    """Return sentences of two made-up languages; a few words are frequent, most are rare."""
    rng = random.Random(1)  # of the words, which all seeds share
    syllables = [a + b + c for a in 'bdfgklmnprstvw' for b in 'aeiou' for c in ('', 'n', 'r', 's')]
    latin = [''.join(rng.choices(syllables, k=rng.randint(1, 4))) for _ in range(12_000)]
    han = [chr(code) for code in rng.sample(range(0x4E00, 0x9FA5), 2500)]
    phrases = [''.join(rng.choices(han, k=rng.choice([1, 2, 2, 2, 3]))) for _ in range(12_000)]
    weights = [1 / rank for rank in range(1, 12_001)]
    rng = random.Random(seed)
    texts = []
    for i in range(count):
        words = rng.choices(phrases if i % 2 else latin, weights, k=rng.randint(4, 16))
        texts.append(''.join(words) + '。' if i % 2 else ' '.join(words) + '.')
    return texts


def make_tokenizer(texts: list[str], learnt: int) -> tuple[bytes, set[int]]:
    """Return a SentencePiece model with mT5's number of pieces, and the ids of those that are not learnt from texts."""
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=trained, model_type='unigram', vocab_size=learnt,
        hard_vocab_limit=False, byte_fallback=True, normalization_rule_name='nmt_nfkc', character_coverage=0.9995,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2,
    )  # fmt: skip
    model = parse_piece_model(trained.getvalue(), 'tokenizer')
    own = list(model.pieces)
    special, plain = own[:259], own[259:]
    rng, known = random.Random(2), {piece.piece for piece in own}
    letters = 'abcdefghijklmnopqrstuvwxyzàéîõüабвгдежзиклмнопрст'
    others: list = []
    made_up = set()
    while len(others) < PIECES - len(own):
        text = rng.choice(['', '▁']) + ''.join(rng.choices(letters, k=rng.randint(3, 9)))
        if text not in known:
            known.add(text)
            made_up.add(text)
            others.append(type(own[0])(piece=text, score=rng.uniform(-20, -12)))
    mixed = [*plain, *others]
    rng.shuffle(mixed)
    del model.pieces[:]
    model.pieces.extend([*special, *mixed])
    return model.SerializeToString(), {i for i, piece in enumerate(model.pieces) if piece.piece in made_up}


def make_full_model(folder: Path, tokenizer: bytes, made_up: set[int], width: int, layers: int) -> None:
    """Write a language model with random weights."""
    folder.mkdir()
    (folder / 'spiece.model').write_bytes(tokenizer)
    torch.manual_seed(0)
    config = MT5Config(
        vocab_size=ROWS, d_model=width, d_ff=2 * width, d_kv=64, num_heads=width // 64, num_layers=layers,
        num_decoder_layers=layers, tie_word_embeddings=False, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    model = MT5ForConditionalGeneration(config)
    model.lm_head.weight.data[sorted(made_up)] /= 3
    model.save_pretrained(folder)


def inside(full: SentencePieceTokenizer, kept: KeptPieces, texts: Iterable[str]) -> list[tuple[list[int], list[int]]]:
    """Return the token ids of the texts that the full tokenizer writes with kept pieces, in both numberings."""
    pairs = ((ids, kept.from_full(ids)) for ids in map(full.encode, texts))
    return [(ids, new) for ids, new in pairs if new is not None]


@torch.no_grad()
def compare(folders: tuple[Path, Path], kept: KeptPieces, pairs: list[tuple[list[int], list[int]]]) -> None:
    """Print how states, logits and greedy texts of both models agree."""
    full, small = (load_language_model(str(folder)).eval() for folder in folders)
    rows = torch.tensor(kept.rows)
    same_states = greedy = stayed = 0
    largest = 0.0
    for ids, new in pairs:
        both = ((full, ids), (small, new))
        states = [model.encoder(input_ids=torch.tensor([one])).last_hidden_state for model, one in both]
        same_states += torch.equal(*states)
        logits = [
            model(encoder_outputs=(state,), labels=torch.tensor([one])).logits
            for (model, one), state in zip(both, states, strict=True)
        ]
        largest = max(largest, ((logits[0][..., rows] - logits[1]).abs().max() / logits[0].abs().max()).item())
        mask = torch.ones(1, len(ids), dtype=torch.long)
        theirs, ours = (
            beam_search(model, state, mask, 1, 8).tokens[0, 0].tolist()
            for model, state in zip((full, small), states, strict=True)
        )
        length = next((i for i, token in enumerate(theirs) if token not in kept), len(theirs))
        greedy += ours[:length] == kept.from_full(theirs[:length])
        stayed += length == len(theirs)
    print(f'encoder states equal to the bit: {same_states} of {len(pairs)} texts')
    print(f'logits of kept pieces: largest difference {largest:.1e} of the largest logit')
    print(f'greedy texts equal while the full model stays inside: {greedy} of {len(pairs)}; {stayed} stay to the end')


class Steps:
    """Training steps of one model.

    Args:
        folder: the language model.
        batch: its token ids, which are read and written.
    """

    def __init__(self, folder: Path, batch: list[list[int]]) -> None:
        self.model = load_language_model(str(folder)).train()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-4)
        pad = torch.nn.utils.rnn.pad_sequence
        self.ids = pad([torch.tensor(one) for one in batch], batch_first=True)
        self.labels = self.ids.masked_fill(self.ids == 0, -100)

    def seconds(self) -> float:
        """Return what a step takes."""
        begin = time.process_time()
        self.optimizer.zero_grad()
        self.model(input_ids=self.ids, attention_mask=self.ids.ne(0), labels=self.labels).loss.backward()
        self.optimizer.step()
        return time.process_time() - begin


def main() -> None:
    """Make, trim, compare, time."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = read_corpus(args.corpus) if args.corpus else made_up_texts(args.texts, seed=3)
        (folder / 'corpus.txt').write_text('\n'.join(texts), encoding='utf-8')
        make_full_model(folder / 'full', *make_tokenizer(texts, args.vocabulary), args.d_model, args.layers)
        report = trim_vocabulary(folder / 'full', [folder / 'corpus.txt'], folder / 'small')
        kept, (full, small) = report.kept, (folder / 'full', folder / 'small')
        print(f'corpus: {report.texts:,} texts; {report.same_texts:,} keep their pieces')
        print(f'rows: {kept.full_rows:,} -> {len(kept.rows):,}')
        for what, (before, after), unit in (('parameters', report.parameters, 'M'), ('weights', report.size, 'MB')):
            print(f'{what}: {before / 1e6:,.3f} -> {after / 1e6:,.3f} {unit}')
        sizes = [(one / 'spiece.model').stat().st_size / 1e6 for one in (full, small)]
        print(f'spiece.model: {sizes[0]:.2f} -> {sizes[1]:.2f} MB')
        left = MT5_BASE_PARAMETERS - 2 * MT5_BASE_WIDTH * (ROWS - len(kept.rows))
        print(f'mT5-base itself, by formula: {MT5_BASE_PARAMETERS / 1e6:.3f} -> {left / 1e6:.3f} M')
        fresh = texts if args.corpus else made_up_texts(5_000, seed=4)
        tokenizer, trimmed = load_tokenizer(str(full)), load_tokenizer(str(small))
        pairs = inside(tokenizer, kept, fresh)
        equal = sum(
            trimmed.encode(text) == new for text in fresh if (new := kept.from_full(tokenizer.encode(text))) is not None
        )
        print(f'other texts of kept pieces: {len(pairs):,} of {len(fresh):,}; cut the same: {equal:,}')
        compare((full, small), kept, pairs[: args.compared])
        batch = pairs[: args.batch]
        both = [Steps(full, [ids for ids, _ in batch]), Steps(small, [new for _, new in batch])]
        times = [[steps.seconds() for steps in both] for _ in range(args.rounds + 1)][1:]
        before, after = (median(column) for column in zip(*times, strict=True))
        print(f'a training step of {args.batch} texts, median of {args.rounds}: '
              f'{before:.3f} -> {after:.3f} s ({before / after:.1f} times)')  # fmt: skip


if __name__ == '__main__':
    main()
