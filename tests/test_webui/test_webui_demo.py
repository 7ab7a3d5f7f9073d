"""demo/webui.py as somebody starts it."""

import os
import re
import runpy
import signal
import subprocess
import sys

import pytest
from page_client import POSE, ask, upload


def start(repo, checkout, place, *arguments):
    command = [sys.executable, str(repo / 'demo' / 'webui.py'), '--device', 'cpu', *map(str, arguments)]
    environment = {**os.environ, 'PYTHONPATH': str(repo), 'TMPDIR': str(place), 'PYTHONUNBUFFERED': '1'}
    return subprocess.Popen(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_start_answer_end(repo, checkout, trained, clip, tmp_path):
    pytest.importorskip('starlette', reason='the web page needs the extra demo: pip install -e ".[demo]"')
    options = ['--model', POSE, '--checkpoint', trained[POSE][1], '--port', 0, '--lang', 'en', '--host', '0.0.0.0']
    process = start(repo, checkout, tmp_path, *options)
    try:
        port = int(re.search(r'http://0\.0\.0\.0:(\d+)/', process.stdout.readline())[1])
        assert upload(f'http://127.0.0.1:{port}/', POSE, **clip).lines[-1]['step'] == 'done'
        assert ask(f'http://127.0.0.1:{port}/', host='my-computer').status == 403
        assert b'"local":false' in ask(f'http://127.0.0.1:{port}/', target='/api/page').body
        assert list(tmp_path.glob('unisign_page_*'))
    finally:
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 0 and errors.startswith('WARNING: other computers can open this page')
    assert len(errors.splitlines()) == 1
    assert list(tmp_path.glob('unisign_page_*')) == []


@pytest.mark.parametrize(
    'arguments, message',
    [
        (['--model', 'no_such_model'], 'DataError: no_such_model: is no config in configs/, by name.'),
        (['--model', 'a', '--checkpoint', 'b', '--checkpoint', 'c'], '2 --checkpoint for 1 --model: give one each'),
        (['--model', 'a', '--max-seconds', '-3'], '--max-mb and --max-seconds should be numbers above 0'),
        (
            ['--model', 'a', '--host', 'no.such.name.invalid'],
            'DataError: no.such.name.invalid:7860: cannot be listened',
        ),
    ],
)
def test_mistakes_are_one_line(repo, monkeypatch, capsys, arguments, message):
    pytest.importorskip('starlette', reason='the web page needs the extra demo: pip install -e ".[demo]"')
    monkeypatch.setattr(sys, 'argv', ['webui.py', *arguments])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(repo / 'demo' / 'webui.py'), run_name='__main__')
    assert stop.value.code and message in capsys.readouterr().err
