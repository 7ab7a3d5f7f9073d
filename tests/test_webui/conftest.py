"""A page with two toy models of random weights, served from a thread."""

import socket
import threading
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from page_client import CLIP, POSE, RGB

from unisign.apis import SignInferencer, init_model
from unisign.engine.launch import prepare_config
from unisign.stores import PoseFiles, write_npz
from unisign.webui import PageLimits, WebPage

SMALL = {'model.head.generation.max_new_tokens': 6}


@dataclass
class Served:
    """A page under test.

    Attributes:
        url: its address.
        place: its folder for temporary files.
        inferencers: the same models, to compare with.
        hold: cleared, the estimator of keypoints waits; set, it goes on.
        outside: addresses beyond this computer that anything in this process asked for.
    """

    url: str
    place: Path
    inferencers: dict[str, SignInferencer]
    hold: threading.Event
    outside: list

    def uploads(self):
        """The folders of requests that are on the disk."""
        return [path for path in self.place.glob('*/*') if path.is_dir()]


@pytest.fixture(scope='session')
def checkout(make_checkout):
    return make_checkout()


@pytest.fixture(scope='session')
def trained(checkout):
    """Config and checkpoint of a toy model, by the config's name."""

    def make(name):
        cfg, checkpoint = prepare_config(f'configs/toy/{name}.py', str(checkout / 'work' / name), SMALL), f'{name}.pth'
        torch.manual_seed(0)
        torch.save({'state_dict': init_model(cfg, device='cpu').state_dict()}, checkpoint)
        return cfg, checkout / checkpoint

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checkout)
        yield {name: make(name) for name in (POSE, RGB)}


@pytest.fixture(scope='session')
def clip(checkout):
    """Name and bytes of a toy video, and of its pose file."""
    poses = checkout / f'{CLIP}.npz'
    write_npz(poses, PoseFiles().read(str(checkout / 'data' / 'toy' / f'poses.lmdb#{CLIP}')))
    video = checkout / 'data' / 'toy' / 'videos' / f'{CLIP}.mp4'
    return {'video': (video.name, video.read_bytes()), 'poses': (poses.name, poses.read_bytes())}


@pytest.fixture(scope='session')
def served(checkout, trained, clip, tmp_path_factory):
    pytest.importorskip('starlette', reason='the web page needs the extra demo: pip install -e ".[demo]"')
    place, hold = tmp_path_factory.mktemp('temporary'), threading.Event()
    hold.set()
    known = PoseFiles().read(str(checkout / f'{CLIP}.npz'))

    def estimator(frames, frame_rate=25.0):
        """Find, in whatever is shown, the signer of the toy clip."""
        sizes = [frame.shape for frame in frames]
        hold.wait(60)
        entries = np.linspace(0, len(known) - 1, len(sizes)).round().astype(int)
        height, width = sizes[0][:2]
        return replace(known.select(entries), frame_size=(width, height), frame_rate=frame_rate, frame_ids=None)

    outside = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(checkout)
        _watch_sockets(patch, outside)
        inferencers = {name: SignInferencer(*trained[name], device='cpu') for name in trained}
        models = {name: partial(_with_pose, own.model) for name, own in inferencers.items()}
        limits = PageLimits(max_megabytes=2, max_seconds=8, max_waiting=3, silence=2)
        page = WebPage(models, lambda: estimator, ['en', 'zh'], limits, port=0, place=str(place))
        thread = threading.Thread(target=page.run)
        thread.start()
        yield Served(page.url, place, inferencers, hold, outside)
        page.stop()
        thread.join(30)
    assert not thread.is_alive() and list(place.iterdir()) == []


def _with_pose(model, pose):
    return SignInferencer(model, pose=pose)


def _watch_sockets(patch, outside):
    """Note every connection and every question for a name that leaves this computer."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def watched_connect(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(('127.', '::1', 'localhost')):
            outside.append(address)
        return connect(self, address)

    def watched_getaddrinfo(host, *args, **kwargs):
        if host not in ('127.0.0.1', '::1', 'localhost', None):
            outside.append(host)
        return getaddrinfo(host, *args, **kwargs)

    patch.setattr(socket.socket, 'connect', watched_connect)
    patch.setattr(socket, 'getaddrinfo', watched_getaddrinfo)


@pytest.fixture
def open_page(chromium, served):
    """Open the page in a window of a given width, watched: other requests and errors fail the test."""
    contexts, requests, errors = [], [], []

    def make(width=1280, height=800, **options):
        context = chromium.new_context(viewport={'width': width, 'height': height}, **options)
        contexts.append(context)
        window = context.new_page()
        window.set_default_timeout(30_000)
        window.on('request', lambda request: requests.append(request.url))
        window.on('console', lambda message: errors.append(message.text) if message.type == 'error' else None)
        window.on('pageerror', lambda error: errors.append(str(error)))
        window.goto(served.url)
        window.wait_for_selector('#translate:enabled')
        return window

    yield make
    for context in contexts:
        context.close()
    assert requests and all(url.startswith((served.url, 'blob:' + served.url, 'data:')) for url in requests), requests
    assert errors == [] and served.outside == []


@pytest.fixture
def choose(clip):
    """Choose the toy clip, with its pose file."""

    def fill(window, poses=True, name=None):
        files = {kind: {'name': own, 'mimeType': '', 'buffer': content} for kind, (own, content) in clip.items()}
        files['video']['name'] = name or files['video']['name']
        window.set_input_files('#video', files['video'])
        if poses:
            window.click('#more summary')
            window.set_input_files('#poses', files['poses'])

    return fill
