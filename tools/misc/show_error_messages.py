"""Make bad input of every kind in a temporary folder, try it, and show the message and what became of the run.

Example: ``python tools/misc/show_error_messages.py --out docs/error_messages.md`` writes the page; without ``--out`` it
is printed.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, help='Markdown file to write')
    parser.add_argument('--corpus', type=Path, help='a toy corpus to take sound clips from; default: make a tiny one')
    return parser.parse_args()


def main() -> None:
    """Try every case and print or write the page."""
    args = parse_args()
    # Only now, since they import torch and transformers, which takes seconds.
    from error_cases import all_rows
    from error_cases.page import as_page

    begin, rows = time.monotonic(), []
    with tempfile.TemporaryDirectory() as folder:
        for row in all_rows(Path(folder), args.corpus):
            rows.append(row)
            print(f'\r{len(rows)} cases', end='', file=sys.stderr, flush=True)
    print(f' in {time.monotonic() - begin:.0f} s', file=sys.stderr)
    page = as_page(rows)
    if args.out is None:
        print(page)
    else:
        args.out.write_text(page, encoding='utf-8')


if __name__ == '__main__':
    main()
