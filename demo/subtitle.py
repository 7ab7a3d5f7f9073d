"""Subtitles for a signed video: ``python demo/subtitle.py VIDEO --model NAME_OR_CONFIG --out x.srt [--out x.vtt]``."""

import argparse
import sys

from unisign.apis import LongVideoTranslator, SegmentTranslation, SignInferencer
from unisign.apis.demo_options import add_model_options, json_lines
from unisign.apis.subtitles import SubtitleRule, set_subtitles, subtitle_format, write_subtitles
from unisign.engine.launch import run_readably
from unisign.segmentation import read_rule


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('video', help='video, http(s) address, or pose file')
    add_model_options(parser)
    parser.add_argument('--pose', default='mmpose', help='mmpose or mediapipe to estimate keypoints; or a pose file')
    parser.add_argument('--out', action='append', default=[], metavar='FILE', help='x.srt or x.vtt; also several')
    parser.add_argument('--segments', metavar='FILE', help='JSON Lines: times, text and n-best of each segment')
    parser.add_argument('--batch-size', type=int, default=8, help='segments that go through the model together')
    parser.add_argument('--rule', default='{}', help='fields of SegmentRule, a JSON object')
    parser.add_argument('--columns', type=int, default=42, help='longest line of a subtitle')
    return parser.parse_args()


def main(args: argparse.Namespace) -> int:
    """Translate, print and write; return how many segments failed."""
    for path in args.out:
        subtitle_format(path)
    rule, look = read_rule(args.rule), SubtitleRule(columns=args.columns)
    inferencer = SignInferencer(
        args.model, args.checkpoint, args.pose, args.device, args.task, args.lang, args.batch_size
    )
    found: list[SegmentTranslation] = []
    done = False
    try:
        translate(LongVideoTranslator(inferencer, rule), args, found)
        done = True
    finally:  # what there is is kept, also after Ctrl-C and where a video is damaged
        subtitles = set_subtitles([(one.start, one.end, one.text) for one in found], look)
        for path in args.out if done or found else ():
            write_subtitles(path, subtitles)
            print(f'{path}: {len(subtitles)} subtitles', file=sys.stderr)
    if not found:
        print(f'{args.video}: nobody signs in it; the subtitles are empty.', file=sys.stderr)
    return sum(bool(one.translation.failure) for one in found)


def translate(translator: LongVideoTranslator, args: argparse.Namespace, found: list[SegmentTranslation]) -> None:
    """Translate the video; print each segment, write its line, and add it to ``found``."""
    with json_lines(args.segments) as write:
        for one in translator.stream(args.video, progress=True):
            found.append(one)
            print(f'{one.start:8.2f} {one.end:8.2f}  {one.text or one.translation.failure}', flush=True)
            write(one.to_line())


if __name__ == '__main__':
    arguments = parse_args()
    failures: list[int] = []
    code = run_readably(lambda: failures.append(main(arguments)), arguments.traceback)
    sys.exit(code or int(any(failures)))
