"""Turn the annotation files of a public corpus into ours.

Example: ``python tools/data/convert_annotations.py csl-daily downloads/csl-daily data/csl-daily`` writes
``data/csl-daily/annotations/{train,dev,test}.jsonl``. What lies where: docs/datasets.md.
"""

import argparse

from unisign.datasets.conversion import CORPORA, FilePlaces, convert_corpus


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('corpus', choices=sorted(CORPORA))
    parser.add_argument('source', help="folder with the corpus' annotation files")
    parser.add_argument('out', help='the data root of configs, such as data/csl-daily')
    parser.add_argument('--published', action='store_true', help="read the published gzip'd pickles (labels.train, ..)")
    parser.add_argument('--subset', type=int, help='number of classes, for single signs: 100, 300, 1000, ..')
    parser.add_argument('--poses', default='poses/{name}.pkl', help="path of a clip's poses below OUT; '' for none")
    parser.add_argument('--videos', default='videos/{name}.mp4', help="path of a clip's video below OUT; '' for none")
    parser.add_argument('--uncut', action='store_true', help='poses and videos are of whole recordings, not of clips')
    parser.add_argument('--fps', type=float, help='frame rate of the recordings, if --uncut and times are in seconds')
    parser.add_argument('--colon', default=':', help='what stands for a colon of a name in file names')
    parser.add_argument('--dev-share', type=float, default=0.02, help='share of train for dev where there is no dev')
    parser.add_argument('--existing', action='store_true', help='leave out clips that have neither poses nor video')
    return parser.parse_args()


def main() -> None:
    """Convert the corpus and say what was written."""
    args = parse_args()
    try:
        places = FilePlaces(args.poses or None, args.videos or None, args.uncut, args.fps, args.colon)
        report = convert_corpus(
            args.corpus, args.source, args.out, places, args.subset, args.published, args.dev_share, args.existing
        )
    except ValueError as error:
        raise SystemExit(f'error: {error}') from error
    for reason in report.left_out[:20]:
        print(f'left out: {reason}')
    if len(report.left_out) > 20:
        print(f'left out: {len(report.left_out)} entries in all')
    for split, path in report.files.items():
        note = ', whole recordings taken from train' if split == 'dev' and report.dev_from_train else ''
        print(f'{path}: {report.clips[split]} clips{note}')
    if report.labels is not None:
        print(report.labels)


if __name__ == '__main__':
    main()
