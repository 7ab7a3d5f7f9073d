"""Make a smaller language model with the pieces that a corpus needs, and whole checkpoints that fit it, or back.

python tools/models/trim_vocabulary.py LANGUAGE_MODEL --corpus FILE [FILE ..] --out FOLDER
python tools/models/trim_vocabulary.py FOLDER --checkpoint FULL.pth --out-checkpoint SMALL.pth
python tools/models/trim_vocabulary.py FOLDER --merge TRAINED.pth --checkpoint FULL.pth --out-checkpoint MERGED.pth
"""

import argparse
import sys

from unisign.engine.launch import run_readably
from unisign.engine.trim_vocabulary import trim_vocabulary
from unisign.engine.trimmed_checkpoint import merge_checkpoint, trim_checkpoint
from unisign.models.language_models import DEFAULT_PROMPT


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('language_model', help="folder: the full one's with --corpus, else the trimmed one's")
    parser.add_argument('--corpus', nargs='+', metavar='FILE', help='annotations (.jsonl), or texts, one a line')
    parser.add_argument('--out', metavar='FOLDER', help='the trimmed language model to write')
    parser.add_argument('--min-count', type=int, default=1, help='how often a piece must occur (%(default)s)')
    parser.add_argument('--keep-pieces', metavar='FILE', help='pieces to keep in any case, one a line')
    parser.add_argument('--prompt', default=DEFAULT_PROMPT, help='model.head.prompt of your config (%(default)r)')
    parser.add_argument(
        '--only-used', action='store_true', help='do not keep single characters, with which other words are spelled'
    )
    parser.add_argument('--checkpoint', metavar='FULL', help='checkpoint of a whole model with the full language model')
    parser.add_argument('--merge', metavar='TRAINED', help='checkpoint with the trimmed one, to be made full again')
    parser.add_argument('--out-checkpoint', metavar='FILE', help='checkpoint to write: .pth or .safetensors')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about files')
    args = parser.parse_args()
    if bool(args.corpus) != bool(args.out):
        parser.error('--corpus and --out belong together: the texts, and the folder to write')
    if bool(args.checkpoint) != bool(args.out_checkpoint):
        parser.error('--checkpoint and --out-checkpoint belong together: the full one, and the file to write')
    if not args.corpus and not args.checkpoint:
        parser.error('nothing to do: give --corpus and --out, or --checkpoint and --out-checkpoint')
    if args.merge and (args.corpus or not args.checkpoint):
        parser.error('--merge wants --checkpoint (the full one) and --out-checkpoint, and no --corpus')
    if args.min_count < 1:
        parser.error(f'--min-count {args.min_count}: 1 or more')
    return args


def main(args: argparse.Namespace) -> None:
    """Trim, cut or merge, and say what was written."""
    folder = args.out or args.language_model
    if args.corpus:
        report = trim_vocabulary(
            args.language_model,
            args.corpus,
            folder,
            min_count=args.min_count,
            keep_pieces=args.keep_pieces,
            prompts=[args.prompt],
            characters=not args.only_used,
        )
        print(f'wrote {folder}: {len(report.kept.rows):,} of {report.kept.full_rows:,} rows')
        print(f'{report.same_texts:,} of {report.texts:,} texts of the corpus keep their pieces')
        if report.size[0]:
            (before, after), (size, smaller) = report.parameters, report.size
            print(f'parameters: {before / 1e6:,.3f} M -> {after / 1e6:,.3f} M')
            print(f'weights: {size / 1e6:,.1f} MB -> {smaller / 1e6:,.1f} MB')
        print(f'use it as language_model={folder!r}, pretrained={bool(report.size[0])}')
    if args.merge:
        state = merge_checkpoint(folder, args.merge, args.checkpoint, args.out_checkpoint)
        print(f'wrote {args.out_checkpoint}: {len(state)} tensors, with the full vocabulary')
    elif args.checkpoint:
        state = trim_checkpoint(folder, args.checkpoint, args.out_checkpoint)
        print(f'wrote {args.out_checkpoint}: {len(state)} tensors; set model.head.language_model={folder!r}')


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))
