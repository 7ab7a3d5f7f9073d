"""Print how hard the toy corpus is, each figure beside the range it should lie in; exit 1 if one lies outside."""

import argparse
import sys
from pathlib import Path

from unisign.toy.difficulty import examine


def main() -> None:
    """Examine the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('corpus', nargs='?', type=Path, default=Path('data/toy'), help='folder made by make_toy.py')
    findings = []
    for finding in examine(parser.parse_args().corpus):
        print(finding, flush=True)
        findings.append(finding)
    sys.exit(0 if all(finding.good for finding in findings) else 1)


if __name__ == '__main__':
    main()
