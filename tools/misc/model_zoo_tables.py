"""Write the tables of model_zoo.md anew, from configs/unisign/metafile.yml."""

import argparse
from pathlib import Path

from unisign.checkpoints.zoo_tables import with_tables

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Write them; there is nothing to choose."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    page = ROOT / 'model_zoo.md'
    text = with_tables(page.read_text(encoding='utf-8'), ROOT / 'configs/unisign/metafile.yml')
    page.write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main()
