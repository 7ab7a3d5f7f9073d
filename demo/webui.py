"""The web page: ``python demo/webui.py --model NAME_OR_CONFIG [--model ..] [--checkpoint C] [--pose ..]``."""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--model', required=True, action='append', help='config file or name of a config; also several')
    parser.add_argument(
        '--checkpoint',
        action='append',
        default=[],
        help="checkpoint, or a run's folder, for each --model in order (default: work_dirs/<config name>)",
    )
    parser.add_argument(
        '--pose', default='mmpose', choices=['mmpose', 'mediapipe'], help='estimates keypoints (default: mmpose)'
    )
    parser.add_argument(
        '--lang', action='append', default=[], help="languages to choose from (default: the config's, or en and zh)"
    )
    parser.add_argument('--device', help='such as cpu or cuda:0 (default: the GPU if there is one)')
    parser.add_argument('--host', default='127.0.0.1', help='address to listen on (default: only this computer)')
    parser.add_argument('--port', type=int, default=7860, help='0 takes a free one')
    parser.add_argument(
        '--allow-host', action='append', default=[], metavar='NAME', help='name by which others call this computer'
    )
    parser.add_argument('--max-mb', type=float, default=100, help='size of a video (default: 100)')
    parser.add_argument('--max-seconds', type=float, default=60, help='length of a video (default: 60)')
    parser.add_argument('--traceback', action='store_true', help='show the traceback of errors about data and config')
    arguments = parser.parse_args()
    if len(arguments.checkpoint) not in (0, len(arguments.model)):
        parser.error(f'{len(arguments.checkpoint)} --checkpoint for {len(arguments.model)} --model: give one each')
    if not (0 < arguments.max_mb < 1e6 and 0 < arguments.max_seconds < 1e6):
        parser.error('--max-mb and --max-seconds should be numbers above 0')
    return arguments


def main(args: argparse.Namespace) -> None:
    """Serve."""
    from unisign.apis import SignInferencer
    from unisign.pose import build_estimator
    from unisign.webui import PageLimits, WebPage, serve

    def load(name: str, checkpoint: str | None, keypoints: Any) -> SignInferencer:
        return SignInferencer(name, checkpoint, keypoints, args.device)

    models: dict[str, Any] = {}
    for number, name in enumerate(args.model):
        title = Path(name).stem if name.endswith('.py') else name
        title = title if title not in models else f'{title} ({number + 1})'
        models[title] = partial(load, name, args.checkpoint[number] if args.checkpoint else None)
    page = WebPage(
        models,
        partial(build_estimator, args.pose, args.device),
        args.lang,
        PageLimits(args.max_mb, args.max_seconds),
        args.host,
        args.port,
        args.allow_host,
    )
    serve(page)


if __name__ == '__main__':  # the processes that look at uploads import this file too: nothing heavy above
    command_line = parse_args()
    from unisign.engine.launch import run_readably

    sys.exit(run_readably(lambda: main(command_line), command_line.traceback))
