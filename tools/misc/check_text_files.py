"""Check text files for pre-commit: one newline at the end, no trailing spaces, valid YAML and JSON, at most 1 MB."""

import argparse
import json
import sys
from pathlib import Path

import yaml

LARGEST_BYTES = 1_000_000


def problems_of(path: Path) -> list[str]:
    """Return what is wrong with one file, a phrase each."""
    raw = path.read_bytes()
    if len(raw) > LARGEST_BYTES:
        return [f'{len(raw)} bytes; at most {LARGEST_BYTES} belong into the repository']
    text, problems = raw.decode('utf-8'), []
    if text and (not text.endswith('\n') or text.endswith('\n\n')):
        problems.append('the file must end with exactly one newline')
    trailing = [number for number, line in enumerate(text.splitlines(), 1) if line != line.rstrip()]
    if trailing:
        problems.append(f'trailing spaces in line {trailing[0]}')
    try:
        if path.suffix in ('.yml', '.yaml', '.cff'):
            yaml.safe_load(text)
        elif path.suffix == '.json':
            json.loads(text)
    except (yaml.YAMLError, json.JSONDecodeError) as error:
        problems.append(f'cannot be parsed: {error}')
    return problems


def main() -> int:
    """Print every problem and return how the process should end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('files', nargs='*', type=Path)
    found = [f'{path}: {problem}' for path in parser.parse_args().files for problem in problems_of(path)]
    print('\n'.join(found), end='\n' if found else '')
    return int(bool(found))


if __name__ == '__main__':
    sys.exit(main())
