"""Translate videos: ``python demo/translate.py VIDEO --model NAME_OR_CONFIG [--checkpoint C] [--pose ..]``."""

import argparse
import sys

from unisign.apis import SignInferencer
from unisign.apis.demo_options import add_model_options, json_lines
from unisign.engine.launch import run_readably


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('video', nargs='+', help='video, http(s) address, pose file, or folder of these; also several')
    add_model_options(parser)
    parser.add_argument(
        '--pose',
        default='mmpose',
        help='mmpose or mediapipe to estimate keypoints; or a pose file (for several videos a folder or packed store)',
    )
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--out', help='JSON Lines file for the answers, one clip a line')
    parser.add_argument(
        '--render', metavar='FOLDER', help='draw a video of each clip: skeleton, crops of the hands, text'
    )
    parser.add_argument('--timings', action='store_true', help='say where the time went')
    return parser.parse_args()


def main(args: argparse.Namespace) -> int:
    """Translate and print; return how many clips failed."""
    inferencer = SignInferencer(
        args.model, args.checkpoint, args.pose, args.device, args.task, args.lang, args.batch_size
    )
    inputs = args.video[0] if len(args.video) == 1 else args.video
    failed = 0
    with json_lines(args.out) as write:
        for answer in inferencer.stream(inputs, timings=args.timings, render_to=args.render):
            failed += bool(answer.failure)
            if answer.failure:
                print(answer.failure, file=sys.stderr, flush=True)
            else:
                print(f'{answer.clip_id}: {answer.text} ({answer.score:.3f})', flush=True)
            if answer.note:
                print(f'  {answer.note}', file=sys.stderr, flush=True)
            if answer.seconds:
                print('  ' + ', '.join(f'{name} {seconds:.2f} s' for name, seconds in answer.seconds.items()))
            write(answer.to_line())
    return failed


if __name__ == '__main__':
    arguments = parse_args()
    failures: list[int] = []
    code = run_readably(lambda: failures.append(main(arguments)), arguments.traceback)
    sys.exit(code or int(any(failures)))
