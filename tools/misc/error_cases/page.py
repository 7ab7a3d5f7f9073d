"""The cases as a page of documentation, and back."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from error_cases.bench import Row

COMMAND = 'python tools/misc/show_error_messages.py --out docs/error_messages.md'
HEAD = f"""# What you see when the input is wrong

Every message names the file or clip, what was expected or found, and what to do. What other libraries say stands in
brackets and differs between their versions. No file is ever read in a way that could run code inside it.

A clip that cannot be read does not stop a run: it is named in the log and in `<work_dir>/failed_clips_rank0.jsonl`, and
left out, until more than `max_failed_share` of a dataset's clips fail. Add `--traceback` to `tools/train.py` or
`tools/test.py` to see where an error was raised.

This page is made by the command below, which tries every case in a temporary folder (its path is left out here).

```bash
{COMMAND}
```
"""
_ROW = re.compile(r'^\| (.*) \| (.*) \| (.*) \|$')


def as_page(rows: Iterable[Row]) -> str:
    """Return the Markdown page of ``rows``: a table for each group."""
    lines = [HEAD]
    for group, members in groupby(rows, key=lambda row: row.group):
        lines += [f'## {group}', '| What is wrong | The message | What happens |', '|---|---|---|']
        lines += [f'| {row.wrong} | {_as_cell(row.message)} | {row.outcome} |' for row in members]
        lines.append('')
    return '\n'.join(lines)


def read_page(text: str) -> list[Row]:
    """Return the rows of a page that ``as_page`` made."""
    rows, group = [], ''
    for line in text.splitlines():
        if line.startswith('## '):
            group = line.removeprefix('## ')
        cells = _ROW.match(line)
        if cells and cells[1] != 'What is wrong':
            rows.append(Row(group, cells[1], _from_cell(cells[2]), cells[3]))
    return rows


def differences(documented: Sequence[Row], seen: Sequence[Row]) -> list[str]:
    """Return what differs, apart from numbers (they change with the toy corpus) and what stands in brackets."""
    before = {(row.group, row.wrong): (_ours(row.message), row.outcome) for row in documented}
    now = {(row.group, row.wrong): (_ours(row.message), row.outcome) for row in seen}
    return [
        f'{" / ".join(case)}: documented {before.get(case)}, seen {now.get(case)}'
        for case in {**before, **now}
        if before.get(case) != now.get(case)
    ]


def _ours(message: str) -> str:
    """Return ``message`` without numbers and without what stands in round brackets."""
    shorter = re.sub(r'\([^()]*\)', '', message)
    return re.sub(r'\d+', '#', message) if shorter == message else _ours(shorter)


def _as_cell(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return '<br>'.join(f'`{line.replace("|", chr(92) + "|")}`' for line in lines)


def _from_cell(cell: str) -> str:
    return '\n'.join(line.strip('`') for line in cell.split('<br>')).replace('\\|', '|')
