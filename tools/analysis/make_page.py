"""One HTML page with frames of the clips, references and predictions; it opens offline and can be sorted.

python tools/analysis/make_page.py PREDS.jsonl --ann data/toy/annotations/slt_test.jsonl --out report.html
"""

import argparse

from unisign.analysis.make_page import make_page
from unisign.analysis.page_clips import WHICH
from unisign.analysis.page_pictures import KINDS, ClipPictures
from unisign.analysis.predictions_file import TASKS
from unisign.structures import DataError


def parse_args() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description='One HTML page over a predictions file.')
    parser.add_argument('predictions', metavar='PREDS.jsonl', help='as tools/test.py --out writes it')
    parser.add_argument('--out', required=True, metavar='PAGE.html', help='file to write')
    parser.add_argument('--ann', metavar='ANN.jsonl', help='annotations that name videos and poses: with pictures')
    parser.add_argument('--data-root', default='', help='where videos and poses lie, if not beside the annotations')
    parser.add_argument('--pictures', choices=KINDS, default='auto', help='auto: videos, skeletons where there is none')
    parser.add_argument('--frames', type=int, default=4, help='pictures of a clip (default: 4)')
    parser.add_argument('--picture-width', type=int, default=120, help='in pixels (default: 120)')
    parser.add_argument('--which', choices=WHICH, default='worst', help='clips to show (default: the worst)')
    parser.add_argument('--limit', type=int, default=100, help='at most so many clips (default: 100)')
    parser.add_argument('--max-megabytes', type=float, default=20, help='of all pictures (default: 20)')
    parser.add_argument('--seed', type=int, default=0, help='of --which random')
    parser.add_argument('--task', choices=TASKS, help='default: the task that the file names')
    parser.add_argument('--lang', help='language of the texts, e.g. zh or en; default: as each prediction names it')
    parser.add_argument('--title', help="heading of the page (default: the file's name)")
    return parser.parse_args()


def main() -> None:
    """Write the page."""
    args = parse_args()
    try:
        pictures = None
        if args.ann:
            pictures = ClipPictures(args.ann, args.data_root, args.pictures, args.frames, args.picture_width)
        page = make_page(
            args.predictions, args.out, pictures, args.task, args.lang, args.which, args.limit, args.max_megabytes,
            args.seed, args.title,
        )  # fmt: skip
    except DataError as error:
        raise SystemExit(f'error: {error}') from error
    print(f'Written: {page.path}, {page.clips} of {page.of_clips} clips, {page.size / 1e6:.1f} MB')
    for clip_id, reason in list(page.without_pictures.items())[:5]:
        print(f'no picture of {clip_id}: {reason}')
    if len(page.without_pictures) > 5:
        print(f'no picture of {len(page.without_pictures)} clips; the page says why')


if __name__ == '__main__':
    main()
