"""Translate videos: ``python demo/translate.py VIDEO --model NAME_OR_CONFIG [--checkpoint C] [--pose ..]``."""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from unisign.apis import SignInferencer
from unisign.engine.launch import run_readably


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('video', nargs='+', help='video, http(s) address, pose file, or folder of these; also several')
    parser.add_argument('--model', required=True, help='config file, or the name of a config')
    parser.add_argument('--checkpoint', help="checkpoint, or a run's folder (default: work_dirs/<config name>)")
    parser.add_argument(
        '--pose',
        default='mmpose',
        help='mmpose or mediapipe to estimate keypoints; or a pose file (for several videos a folder or packed store)',
    )
    parser.add_argument('--task', choices=['islr', 'cslr', 'slt'], help="what to write (default: the config's)")
    parser.add_argument('--lang', help="language of the text, such as en or zh (default: the config's)")
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: the GPU if there is one)')
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument('--out', help='JSON Lines file for the answers, one clip a line')
    parser.add_argument(
        '--render', metavar='FOLDER', help='draw a video of each clip: skeleton, crops of the hands, text'
    )
    parser.add_argument('--timings', action='store_true', help='say where the time went')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')
    return parser.parse_args()


def main(args: argparse.Namespace) -> int:
    """Translate and print; return how many clips failed."""
    inferencer = SignInferencer(
        args.model, args.checkpoint, args.pose, args.device, args.task, args.lang, args.batch_size
    )
    inputs = args.video[0] if len(args.video) == 1 else args.video
    failed = 0
    with ExitStack() as stack:
        out = None
        if args.out:
            Path(args.out).parent.mkdir(parents=True, exist_ok=True)
            out = stack.enter_context(Path(args.out).open('w', encoding='utf-8'))
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
            if out is not None:
                print(json.dumps(answer.to_line(), ensure_ascii=False), file=out, flush=True)
    return failed


if __name__ == '__main__':
    arguments = parse_args()
    failures: list[int] = []
    code = run_readably(lambda: failures.append(main(arguments)), arguments.traceback)
    sys.exit(code or int(any(failures)))
