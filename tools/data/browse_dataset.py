"""Draw clips of a config's dataset: skeleton on the video, the poses after the pipeline, normalised parts, hands, text.

python tools/data/browse_dataset.py configs/toy/stage3_toy-slt_pose.py --split train --number 4 --out work_dirs/browse

With configs that load pictures of the hands, sheets show these too, and with --checkpoint what a model reads of them.
"""

import argparse
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from unisign.apis import init_model
from unisign.models import UniSign
from unisign.structures import ClipError, DataError
from unisign.visualization.browse import SPLITS, browse, build_split, find_in_all
from unisign.visualization.fusion_explanation import has_fusion


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description='Draw clips of a dataset, as its pipeline prepares them.')
    parser.add_argument('config', help='config file that names the dataset')
    parser.add_argument('--split', choices=SPLITS, default='train', help='whose data loader (default: train)')
    parser.add_argument('--number', type=int, default=8, help='clips, spread over each dataset (default: 8)')
    parser.add_argument('--clip-ids', nargs='+', default=(), metavar='ID', help='these clips, whatever --number says')
    parser.add_argument('--out', default='work_dirs/browse', metavar='DIR', help='folder for the pictures')
    parser.add_argument('--format', choices=('png', 'mp4'), default='png', help='contact sheet or every frame')
    parser.add_argument('--columns', type=int, default=6, help='frames on a contact sheet (default: 6)')
    parser.add_argument('--epoch', type=int, default=0, help="which epoch's augmentation to show (default: 0)")
    parser.add_argument(
        '--checkpoint', metavar='CKPT', help='of an RGB-pose model: sheets also show what its fusion does'
    )
    parser.add_argument('--font', help='font file, if none of those installed has the characters of the texts')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE', help='change the config')
    return parser.parse_args()


def model_with_fusion(config: Config, checkpoint: str) -> UniSign:
    """Return the config's model with the weights of a checkpoint.

    Raises:
        DataError: if it reads no pictures.
    """
    model = init_model(config, checkpoint)
    if not has_fusion(model):
        raise DataError(
            config.filename,
            'its model reads no pictures of hands, so --checkpoint has nothing to draw.',
            'Leave --checkpoint out, or name an RGB-pose config (without _pose in its name).',
        )
    return model


def main() -> int:
    """Draw the clips; a clip that cannot be read is reported and makes the exit status 1."""
    args = parse_args()
    try:
        config = Config.fromfile(args.config)
        config.merge_from_dict(args.cfg_options or {})
        found = find_in_all(build_split(config, args.split), args.number, args.clip_ids)
        model = None if args.checkpoint is None else model_with_fusion(config, args.checkpoint)
    except (DataError, FileNotFoundError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    failed = 0
    for dataset, indices in found:
        # Clips of different datasets may have the same id: each dataset has a folder of its own.
        out = Path(args.out) / dataset.name if len(found) > 1 else Path(args.out)
        print(f'{dataset.name}: {len(dataset)} clips, drawing {len(indices)} to {out}')
        drawn = browse(dataset, out, indices, args.format, args.columns, args.epoch, args.font, model)
        for clip_id, outcome in drawn:
            if isinstance(outcome, ClipError):
                failed += 1
                print(f'error: {outcome}', file=sys.stderr)
            else:
                print(f'{clip_id}: {outcome}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
