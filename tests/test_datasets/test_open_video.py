"""A file that names others, whatever it is called, must not make the decoder open them."""

import http.server
import threading

import numpy as np
import pytest
from synthetic_videos import moving_images, write_h264

from unisign.datasets.video_readers import PyAVReader, open_video
from unisign.structures import ClipError
from unisign.visualization.video_io import read_frames

TEXTS = {
    'concat': "ffconcat version 1.0\nfile '{name}'\n",
    'playlist': '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:2.0,\n{url}\n#EXT-X-ENDLIST\n',
    'local playlist': '#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:2.0,\n{path}\n#EXT-X-ENDLIST\n',
    'session': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n'
    'a=rtpmap:96 H264/90000\n',
    'text': 'The quick brown fox.\n' * 50,
    'nothing': '',
}


@pytest.fixture
def video(tmp_path):
    return write_h264(tmp_path / 'real.mp4', moving_images(8))


@pytest.fixture
def asked(tmp_path):
    """What a web server on this machine is asked for."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, paths
    server.shutdown()


@pytest.mark.parametrize('suffix', ['mp4', 'm3u8', 'ts', 'txt'])
@pytest.mark.parametrize('kind', TEXTS)
def test_what_is_no_video_is_refused(kind, suffix, video, asked, tmp_path):
    port, paths = asked
    text = TEXTS[kind].format(name=video.name, path=video, url=f'http://127.0.0.1:{port}/a.ts')
    path = tmp_path / f'other.{suffix}'
    path.write_text(text)
    for read in (lambda: PyAVReader().info(path), lambda: read_frames(path, [0])):
        with pytest.raises(
            ClipError, match=rf'other\.{suffix}: (is no video|cannot be read as a video|the file is empty)'
        ):
            read()
    assert paths == []


def test_addresses_and_protocols_are_file_names(video, asked):
    port, paths = asked
    for name in (f'http://127.0.0.1:{port}/a.mp4', f'concat:{video}|{video}', f'subfile,,start,0,end,0,,:{video}'):
        with pytest.raises(FileNotFoundError):
            open_video(name)
    assert paths == []


def test_a_video_is_opened(video, monkeypatch):
    monkeypatch.chdir(video.parent)
    assert PyAVReader().read('real.mp4', np.arange(8)).shape == (8, 48, 64, 3)
