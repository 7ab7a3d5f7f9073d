"""Videos from addresses, against a server on this machine."""

import http.server
import threading
import time
from pathlib import Path

import pytest

from unisign.apis.video_download import DownloadLimits, address_name, download_video, is_address
from unisign.structures import ClipError

CONTENT = bytes(range(256)) * 400  # 102,400 bytes


class Handler(http.server.BaseHTTPRequestHandler):
    """What an address is answered with stands in its path."""

    asked: list[str]

    def do_GET(self):
        self.asked.append(self.path)
        name = self.path.strip('/').partition('.')[0].partition('?')[0]
        getattr(self, f'give_{name}', self.give_nothing)()

    def log_message(self, *args):
        pass

    def start(self, **headers):
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key.replace('_', '-'), str(value))
        self.end_headers()

    def lead_to(self, target):
        self.send_response(302)
        self.send_header('Location', target)
        self.end_headers()

    def give_nothing(self):
        self.send_error(404)

    def give_video(self):
        self.start(Content_Length=len(CONTENT))
        self.wfile.write(CONTENT)

    def give_unannounced(self):
        self.start()
        self.wfile.write(CONTENT)

    def give_huge(self):
        self.start(Content_Length=10**12)

    def give_cut(self):
        self.start(Content_Length=2 * len(CONTENT))
        self.wfile.write(CONTENT)

    def give_empty(self):
        self.start(Content_Length=0)

    def give_dripping(self):
        self.start()
        self.drip()

    def give_dripping_headers(self):
        self.wfile.write(b'HTTP/1.0 200 OK\r\n')
        self.drip(b'X: a\r\n')

    def give_silence(self):
        time.sleep(3)

    def drip(self, drop=b'.'):
        for _ in range(60):
            try:
                self.wfile.write(drop)
            except OSError:
                return
            time.sleep(0.05)

    def give_moved(self):
        self.lead_to('/video.mp4')

    def give_circle(self):
        self.lead_to(f'/circle.mp4?{len(self.asked)}')

    def give_file(self):
        self.lead_to(f'file://{__file__}')

    def give_ftp(self):
        self.lead_to('ftp://127.0.0.1/video.mp4')

    def give_data(self):
        self.lead_to('data:text/plain,hello')


@pytest.fixture(scope='module')
def server():
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), type('Recording', (Handler,), {'asked': []}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture
def fetch(server, tmp_path, monkeypatch):
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    server.RequestHandlerClass.asked.clear()

    def fetch(name, **limits):
        url = name if is_address(name) else f'http://127.0.0.1:{server.server_port}/{name}'
        return download_video(url, tmp_path, DownloadLimits(**limits))

    return fetch


@pytest.mark.parametrize('name', ['video.mp4', 'unannounced.mp4', 'moved.mp4', 'video.mp4?quality=high#t=3'])
def test_a_video_is_fetched(fetch, tmp_path, name):
    path = fetch(name, max_bytes=len(CONTENT))
    assert path.parent == tmp_path and path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ('name', 'limits', 'words'),
    [
        ('huge.mp4', {}, r'huge\.mp4: the video is larger than .*1,000,000\.0 MB; the limit is 200 MB\).*max_bytes'),
        ('unannounced.mp4', {'max_bytes': 50_000}, r'larger than .*more; the limit is 0\.05 MB'),
        ('dripping.mp4', {'seconds': 0.4}, r'dripping\.mp4: the download was not finished in 0\.4 s.*seconds'),
        ('dripping_headers.mp4', {'seconds': 0.4}, 'not finished in 0.4 s'),
        ('silence.mp4', {'seconds': 0.4}, 'not finished in 0.4 s'),
        ('cut.mp4', {}, 'the connection ended after 102,400 of 204,800 bytes'),
        ('empty.mp4', {}, 'the server sent nothing'),
        ('gone.mp4', {}, r'gone\.mp4: cannot be downloaded \(HTTP 404'),
        ('circle.mp4', {}, r'cannot be downloaded \(HTTP 302'),
        ('file.mp4', {}, r'file\.mp4: it leads on to file://.*, and only http and https are followed'),
        ('ftp.mp4', {}, r'ftp\.mp4: it leads on to ftp://127'),
        ('data.mp4', {}, r'data\.mp4: (it leads on to data:|cannot be downloaded)'),
        ('ftp://127.0.0.1/a.mp4', {}, r'ftp://127\.0\.0\.1/a\.mp4: ftp:// addresses are not read.*by other means'),
        (f'file://{__file__}', {}, 'file:// addresses are not read, only http and https. Give the path'),
        ('http://127.0.0.1:1/a.mp4', {}, 'cannot be downloaded .*refused'),
        ('http://[bad/a.mp4', {}, 'Invalid IPv6'),
    ],
)
def test_what_is_refused(fetch, tmp_path, name, limits, words):
    started = time.monotonic()
    with pytest.raises(ClipError, match=words):
        fetch(name, **limits)
    assert time.monotonic() - started < 2
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_counted(fetch, server):
    with pytest.raises(ClipError, match='302'):
        fetch('circle.mp4', max_redirects=3)
    assert len(server.RequestHandlerClass.asked) == 4


def test_what_is_an_address():
    for text in ('http://a/b.mp4', 'HTTPS://a', 'ftp://a', 'file:///a', 'rtmp+x://a'):
        assert is_address(text)
    for text in ('a.mp4', '/a/b.mp4', 'C:\\a.mp4', 'concat:a|b', 'data:text/plain,a', 'a//b://c'):
        assert not is_address(text)
    assert address_name('http://host/some/my%20clip.mp4?x=1#t=3') == 'my clip'
    assert address_name('http://host/') == 'host'
    assert Path(address_name('http://host/..%2f..%2fetc')).name == address_name('http://host/..%2f..%2fetc') == 'etc'
