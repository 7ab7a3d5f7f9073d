"""Train a SmallConvNet to tell drawn handshapes apart: weights from which the toy corpus' RGB encoder can start."""

import argparse
from pathlib import Path

from unisign.toy.hand_pretraining import pretrain


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('out', type=Path, help='the weights, OUT.safetensors')
    parser.add_argument('--channels', type=int, nargs='+', default=[16, 32, 64], help="SmallConvNet's (%(default)s)")
    parser.add_argument('--grid', type=int, default=4, help="SmallConvNet's (%(default)s)")
    parser.add_argument('--size', type=int, default=64, help='side of the pictures in pixels (%(default)s)')
    parser.add_argument('--clips', type=int, default=8000, help='performances; each gives 3 pictures (%(default)s)')
    parser.add_argument('--epochs', type=int, default=10, help='times that each picture is seen (%(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='of pictures and training (%(default)s)')
    return parser.parse_args()


def main() -> None:
    """Draw, train, write."""
    args = parse_args()
    accuracy = pretrain(args.out, tuple(args.channels), args.grid, args.size, args.clips, args.epochs, args.seed)
    print(f'{args.out}: {accuracy:.1%} of the handshapes of other signers are told right')


if __name__ == '__main__':
    main()
