"""Live text from a camera, a file that is being written, or a recording: ``python demo/live.py SOURCE --model ..``."""

import argparse
import shutil
import signal
import sys

from unisign.apis import LiveTranslator, SignInferencer
from unisign.apis.demo_options import add_model_options, json_lines
from unisign.apis.live_sources import open_source
from unisign.apis.subtitles import text_width
from unisign.engine.launch import run_readably
from unisign.segmentation import read_rule


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', help='number of a camera (0), a video, or a pose file')
    add_model_options(parser)
    parser.add_argument('--pose', default='mediapipe', help='mediapipe or mmpose; or the pose file of a recording')
    parser.add_argument('--growing', action='store_true', help='the video is still being written (mkv, ts, ..)')
    parser.add_argument('--timeout', type=float, default=5.0, help='seconds without growth after which it has ended')
    parser.add_argument('--paced', action='store_true', help='a recording comes at the speed it was recorded at')
    parser.add_argument('--frame-rate', type=float, help='frames per second to ask a camera for')
    parser.add_argument('--partial-every', type=float, default=1.0, help='seconds of signing between texts; 0: none')
    parser.add_argument('--out', metavar='FILE', help='JSON Lines: every text; last the report')
    parser.add_argument('--rule', default='{}', help='fields of SegmentRule, a JSON object')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    """Translate until the source ends or Ctrl-C, and print the report."""
    rule = read_rule(args.rule)
    inferencer = SignInferencer(args.model, args.checkpoint, args.pose, args.device, args.task, args.lang)
    source = open_source(inferencer, args.source, args.growing, args.timeout, args.paced, args.frame_rate)
    live = LiveTranslator(inferencer, rule, args.partial_every)
    signal.signal(signal.SIGINT, lambda *_: end(live))
    with json_lines(args.out) as note:
        try:
            for text in live.stream(source):
                show(
                    text.final, text.answer.start, text.answer.end, text.answer.text or text.answer.translation.failure
                )
                note({'final': text.final, 'late': round(text.late, 3)} | text.answer.to_line())
        finally:
            print(live.report, file=sys.stderr)
            note({'report': live.report.summary()})


def show(final: bool, start: float, end: float, text: str) -> None:
    """Print a text; on a terminal one that is not final is written over by the next."""
    line = f'{start:8.2f} {end:8.2f}  {text}{"" if final else " .."}'
    if not sys.stdout.isatty():
        print(line, flush=True)
    elif final:
        print(f'\r\033[K{line}', flush=True)
    else:
        while text_width(line) >= shutil.get_terminal_size().columns:  # a second line could not be written over
            line = line[:-1]
        print(f'\r\033[K{line}', end='', flush=True)


def end(live: LiveTranslator) -> None:
    """Let what is on its way be answered; a second Ctrl-C ends at once."""
    live.stop()
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == '__main__':
    arguments = parse_args()
    sys.exit(run_readably(lambda: main(arguments), arguments.traceback))
