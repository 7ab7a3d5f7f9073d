"""Writing prediction files for tests, and running the tools over them."""

import json
import runpy
import sys

import pytest


def write(path, *lines, **common):
    """Write predictions, each a tuple (reference, prediction) or a dict; ids are c0, c1, .. unless given."""
    rows = []
    for place, line in enumerate(lines):
        own = line if isinstance(line, dict) else {'ref': line[0], 'pred': line[1]}
        rows.append(json.dumps({'id': f'c{place}', 'score': 0.5, **common, **own}, ensure_ascii=False))
    path.write_text('\n'.join(rows) + '\n', encoding='utf-8')
    return path


def run_tool(repo, monkeypatch, capsys, name, *arguments):
    """Return what a tool prints; or, where it stops with an error, the message."""
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    path = str(repo / 'tools' / 'analysis' / name)
    capsys.readouterr()
    try:
        runpy.run_path(path, run_name='__main__')
    except SystemExit as stop:
        assert str(stop.code).startswith('error: '), stop.code
        return str(stop.code)
    return capsys.readouterr().out


@pytest.fixture
def tool(repo, monkeypatch, capsys):
    return lambda name, *arguments: run_tool(repo, monkeypatch, capsys, name, *arguments)
