"""Fixtures for the whole suite."""
# ruff: noqa: E402 - the number of threads must be set before numpy and torch are loaded

import os

# Before torch is imported anywhere: the suite's models are tiny, and one thread each lets pytest-xdist share the cores.
for variable in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS'):
    os.environ.setdefault(variable, '1')
os.environ.setdefault('TOKENIZERS_PARALLELISM', 'false')

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

REPO = Path(__file__).resolve().parents[1]


@pytest.fixture(scope='session')
def repo() -> Path:
    """The checkout's root."""
    return REPO


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder with golden numbers and small real data; tests that want it are skipped where it is missing."""
    folder = os.environ.get('UNISIGN_SHARED')
    if not folder:
        pytest.skip('UNISIGN_SHARED is not set: no golden numbers and no real data here')
    if not Path(folder).is_dir():
        raise FileNotFoundError(f'UNISIGN_SHARED={folder} is not a folder; unset it or correct it')
    return Path(folder)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Give every test the same random numbers, whatever ran before it."""
    random.seed(0)
    np.random.seed(0)
    if 'torch' in sys.modules:
        sys.modules['torch'].manual_seed(0)


@pytest.fixture(scope='session')
def toy_tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny toy corpus without videos, made once for all workers of the run; read it, never write into it."""
    return _make_once(request, tmp_path_factory, 'toy_tiny', videos='none')


@pytest.fixture(scope='session')
def toy_tiny_videos(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny toy corpus with all its videos; read it, never write into it."""
    return _make_once(request, tmp_path_factory, 'toy_tiny_videos', videos='all')


def _make_once(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, name: str, videos: str
) -> Path:
    from unisign.toy import make_toy_corpus

    root = tmp_path_factory.getbasetemp()
    if hasattr(request.config, 'workerinput'):  # under pytest-xdist each worker has a folder inside the run's
        root = root.parent
    folder, done = root / name, root / f'{name}.done'
    with FileLock(root / f'{name}.lock'):
        if not done.exists():
            make_toy_corpus(folder, size='tiny', videos=videos)
            done.touch()
    return folder


@pytest.fixture(scope='session')
def make_checkout(toy_tiny_videos: Path, repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A function that returns a new working directory with ``data/toy`` and ``configs``, as in a checkout."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp('checkout')
        (folder / 'data').mkdir()
        (folder / 'data' / 'toy').symlink_to(toy_tiny_videos)
        (folder / 'configs').symlink_to(repo / 'configs')
        return folder

    return make


@pytest.fixture(scope='session')
def tiny_language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a very small language model for English and Chinese; read it, never write into it."""
    from unisign.models.language_models import make_language_model

    texts = [
        'hello',
        'hello you',
        'help',
        'good morning',
        'good night',
        'my family eats noodles',
        '今天我想吃面条。',
        '你们好！',
    ]
    return make_language_model(
        texts,
        tmp_path_factory.mktemp('language_model'),
        languages=('en', 'zh'),
        d_model=24,
        d_ff=32,
        d_kv=8,
        num_heads=2,
    )


def _find_chromium():
    named = os.environ.get('UNISIGN_CHROMIUM', '')
    for name in [named] if named else ['chromium', 'chromium-browser', 'google-chrome']:
        path = shutil.which(name)
        if path and not subprocess.run([path, '--version'], capture_output=True, check=False).returncode:
            return path
    return None


@pytest.fixture(scope='session')
def chromium():
    """A running Chromium with a camera that shows a test picture; nothing outside this computer has a name in it."""
    playwright = pytest.importorskip('playwright.sync_api', reason='no playwright: pip install -e ".[test]"')
    path = _find_chromium()
    if path is None:
        pytest.skip('no Chromium here: apt-get install chromium (needs root), or UNISIGN_CHROMIUM=/path/to/chrome')
    arguments = [
        '--use-fake-device-for-media-stream',
        '--use-fake-ui-for-media-stream',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ]
    if hasattr(os, 'geteuid') and os.geteuid() == 0:
        arguments.append('--no-sandbox')  # it refuses to start for root otherwise
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()
