"""Files that crash, hang or fill the memory of whoever reads them, and the folders they lie in."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from unisign.structures import ClipError
from unisign.webui.clip_folders import PREFIX, ClipFolders, remove_stale
from unisign.webui.limits import PageLimits
from unisign.webui.run_apart import run_apart


def crash(_):
    ctypes.string_at(0)


def hang(_):
    time.sleep(60)


def fill(_):
    np.ones(4_000_000_000, np.uint8)


def stumble(_):
    raise KeyError('x')


def greet(name):
    return f'hello {name}', os.getpid()


def test_what_happens_apart_stays_there():
    limits = {'source': 'a.mp4', 'seconds': 30, 'memory': 1_000_000_000}
    words, process = run_apart(greet, 'you', **limits)
    assert words == 'hello you' and process != os.getpid()
    with pytest.raises(ClipError, match=r'a\.mp4: the decoder broke down on it'):
        run_apart(crash, 'x', **limits)
    with pytest.raises(ClipError, match=r'a\.mp4: reading it took longer than 0\.5 s'):
        run_apart(hang, 'x', **limits | {'seconds': 0.5})
    with pytest.raises(RuntimeError, match='KeyError'):
        run_apart(stumble, 'x', **limits)


@pytest.mark.skipif(sys.platform != 'linux', reason='memory is limited on Linux only')
def test_memory_is_limited():
    with pytest.raises(ClipError, match='takes too much memory'):
        run_apart(fill, 'x', source='a.mp4', seconds=30, memory=1_000_000_000)


def test_limits_are_numbers_above_zero():
    assert PageLimits(1.5, 2).video_bytes == 1_500_000 and PageLimits(1.5, 2).max_frames == 120
    for wrong in (0, -1, float('nan'), float('inf')):
        with pytest.raises(ValueError, match='max_seconds should be a number above 0'):
            PageLimits(max_seconds=wrong)


def test_folders_go(tmp_path):
    folders = ClipFolders(tmp_path)
    first, second = folders.new(), folders.new()
    (first / 'video.mp4').touch()
    assert first.parent == folders.root and oct(first.stat().st_mode)[-3:] == '700'
    folders.remove(first)
    folders.remove(tmp_path)  # not one of its own
    assert not first.exists() and second.exists()
    folders.close()
    assert list(tmp_path.iterdir()) == []


HOLDER = """
import sys, time
from unisign.webui.clip_folders import ClipFolders
folders = ClipFolders(sys.argv[1])
print(folders.new(), flush=True)
time.sleep(60)
"""


def test_what_a_killed_server_leaves_goes_at_the_next_start(tmp_path):
    holder = subprocess.Popen([sys.executable, '-c', HOLDER, tmp_path], stdout=subprocess.PIPE, text=True)
    left = holder.stdout.readline().strip()
    own = ClipFolders(tmp_path)
    others = tmp_path / f'{PREFIX}being_made'
    others.mkdir()
    try:
        assert remove_stale(tmp_path) == []  # both servers are alive
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    assert os.path.isdir(left)  # noqa: PTH112 - a text
    again = ClipFolders(tmp_path)
    assert not os.path.exists(left) and own.root.exists() and others.exists()  # noqa: PTH110
    with (again.root / 'lock').open() as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    own.close()
    again.close()
