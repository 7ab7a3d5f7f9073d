import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from unisign.checkpoints.download import cache_folder, download, hash_in_name
from unisign.structures import DataError

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; breaks off after ``stop_after`` bytes; knows ranges unless ``ranges`` is off."""

    stop_after, ranges = None, True

    def do_GET(self):
        self.server.asked.append(self.headers.get('Range'))
        start = int(self.headers['Range'][6:-1]) if self.headers.get('Range') and self.ranges else 0
        if 'missing' in self.path or start >= len(CONTENT):
            self.send_error(416 if start else 404)
            return
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start : start + self.stop_after] if self.stop_after else CONTENT[start:])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ('http_proxy', 'HTTP_PROXY'):
        monkeypatch.delenv(name, raising=False)
    own = type('OwnHandler', (Handler,), {})
    http = ThreadingHTTPServer(('127.0.0.1', 0), own)
    http.asked, http.handler = [], own
    http.url = f'http://127.0.0.1:{http.server_port}'
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield http
    http.shutdown()
    http.server_close()


def test_download_once(server, tmp_path):
    seen = []
    for _ in range(2):
        path = download(f'{server.url}/a.pth', tmp_path / 'new', SHA256, lambda *progress: seen.append(progress))
    assert path.read_bytes() == CONTENT
    assert (server.asked, seen) == ([None], [(len(CONTENT), len(CONTENT))])


@pytest.mark.parametrize('ranges', [True, False])
def test_goes_on_where_it_stopped(server, tmp_path, ranges):
    server.handler.stop_after = 1000
    with pytest.raises(DataError, match='1000 of 10240 bytes'):
        download(f'{server.url}/a.pth', tmp_path)
    assert not (tmp_path / 'a.pth').exists()
    server.handler.stop_after, server.handler.ranges = None, ranges
    assert download(f'{server.url}/a.pth', tmp_path, SHA256).read_bytes() == CONTENT
    assert server.asked == [None, 'bytes=1000-']


def test_killed_between_the_last_byte_and_the_name(server, tmp_path):
    (tmp_path / 'a.pth.part').write_bytes(CONTENT)
    assert download(f'{server.url}/a.pth', tmp_path, SHA256).read_bytes() == CONTENT


def test_wrong_checksum_in_the_name(server, tmp_path):
    with pytest.raises(DataError, match=f'{SHA256}, expected 401dfc90'):
        download(f'{server.url}/x-401dfc90_20230629.pth', tmp_path)
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix != '.lock'] == []
    name = f'x-{SHA256[:8]}_20230629.pth'
    assert download(f'{server.url}/{name}', tmp_path).name == name


def test_what_cannot_be_downloaded(server, tmp_path):
    with pytest.raises(DataError, match='404'):
        download(f'{server.url}/missing.pth', tmp_path)
    with pytest.raises(DataError, match='http or https'):
        download('file:///etc/hostname', tmp_path)


def test_hash_in_name():
    assert hash_in_name('https://a.b/rtmpose-l_simcc-aic-coco_270e-384x288-eaeb96c8_20230125.pth') == 'eaeb96c8'
    assert hash_in_name('https://a.b/rtmw-dw-x-l_simcc-cocktail14_270e-384x288-20231122.pth') is None


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv('UNISIGN_CACHE', str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv('UNISIGN_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_folder() == tmp_path / 'unisign'
