"""Make a small language model (tokenizer and configuration) from the texts of annotation files."""

import argparse
from pathlib import Path

from unisign.datasets.corpus_texts import read_texts
from unisign.models.language_models import make_language_model
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('annotations', nargs='+', type=Path, help='annotation files, JSON Lines')
    parser.add_argument('--out', required=True, type=Path, help='the folder to write')
    parser.add_argument('--lang', nargs='*', default=[], help='languages beside those the annotations name')
    parser.add_argument('--vocab-size', type=int, default=1000, help='pieces, at most')
    parser.add_argument('--d-model', type=int, default=128, help='width')
    parser.add_argument('--d-ff', type=int, default=256, help='width of the feed-forward layers')
    parser.add_argument('--d-kv', type=int, default=32, help='width of an attention head')
    parser.add_argument('--layers', type=int, default=2, help='blocks of the encoder, and of the decoder')
    parser.add_argument('--heads', type=int, default=4, help='attention heads')
    parser.add_argument('--dropout', type=float, default=0.1, help='dropout share in training')
    parser.add_argument('--tie', action='store_true', help='share input and output embeddings')
    parser.add_argument('--seed', type=int, default=42)
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Read the texts, train the tokenizer, write the folder."""
    texts, languages = read_texts(args.annotations)
    make_language_model(
        texts,
        args.out,
        vocab_size=args.vocab_size,
        languages=languages | set(args.lang),
        d_model=args.d_model,
        d_ff=args.d_ff,
        num_layers=args.layers,
        num_heads=args.heads,
        d_kv=args.d_kv,
        dropout_rate=args.dropout,
        tie_word_embeddings=args.tie,
        seed=args.seed,
    )
    print(f'wrote {args.out}: use it as language_model={str(args.out)!r}, pretrained=False')


if __name__ == '__main__':
    arguments = parse_args()
    try:
        main(arguments)
    except DataError as error:
        raise SystemExit(f'error: {error}') from error
