"""What the commands that pack clips into a store have in common: their options, and how they report bad clips."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from unisign.datasets.packing import PackReport
from unisign.structures import DataError


def packing_parser(description: str | None, annotations: str) -> argparse.ArgumentParser:
    """Return a command line with ``annotation_files``, ``out``, ``workers``, ``data_root`` and ``max_failed_share``.

    Args:
        description: of the command; line breaks are kept.
        annotations: what the annotation files must hold, for the help.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotation_files', nargs='+', metavar='ANN.jsonl', help=annotations)
    parser.add_argument('out', type=Path, metavar='OUT.lmdb', help='the store to write')
    parser.add_argument('--workers', type=count, default=2, help='reading processes; 0: none besides this one')
    parser.add_argument('--data-root', default='', help='where paths are looked up that are not beside the annotations')
    parser.add_argument('--max-failed-share', type=float, default=0.01, help='share of clips that may fail')
    return parser


def count(text: str) -> int:
    """Return a whole number from 0 on, for argparse."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f'{number} is below 0')
    return number


def run_packing(pack: Callable[[], PackReport], out: Path) -> PackReport:
    """Pack, name the clips that failed, and return the report.

    A few of them are printed; all stand in ``<out>.failed.jsonl``, which goes away when there are none.

    Args:
        pack: does the work.
        out: the store that it writes.

    Raises:
        SystemExit: with the message of a ``DataError``, or of a name that is not registered.
    """
    try:
        report = pack()
    except (DataError, KeyError) as error:
        raise SystemExit(f'error: {error.args[0] if isinstance(error, KeyError) else error}') from error
    listing = out.with_name(out.name + '.failed.jsonl')
    if not report.failed:
        listing.unlink(missing_ok=True)  # an earlier run's
        return report
    lines = (json.dumps({'id': clip, 'error': error}, ensure_ascii=False) for clip, error in report.failed.items())
    listing.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    for clip_id, problem in list(report.failed.items())[:10]:
        print(f'left out: {clip_id}: {problem}')
    print(f'{len(report.failed)} clips were left out; all of them are named in {listing}')
    return report
