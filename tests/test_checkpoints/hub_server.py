"""A Hugging Face hub with one file, on this machine, and a zoo whose weights lie there."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONTENT = bytes(range(256)) * 400
SHA256 = hashlib.sha256(CONTENT).hexdigest()

METAFILE = """
Models:
  - Name: stage3_small_pose
    Config: configs/unisign/stage3_small_pose.py
    Metadata: {{Parameters: 7, Weights License: CC BY-NC 4.0, Weights SHA256: {sha256}, Weights Size: {size}}}
    Weights: {address}
  - Name: stage1_small_pose
    Config: configs/unisign/stage1_small_pose.py
    Metadata: {{Parameters: 7}}
"""


ADDRESS = 'https://huggingface.co/owner/models/resolve/main/small.pth'


def write_zoo(root: Path, sha256: str = 'unknown', size: str = 'unknown', address: str = ADDRESS) -> None:
    """Write the metafile of a package that lies at ``root``."""
    (root / 'configs/unisign').mkdir(parents=True)
    text = METAFILE.format(sha256=sha256, size=size, address=address)
    (root / 'configs/unisign/metafile.yml').write_text(text)


class HubHandler(BaseHTTPRequestHandler):
    """Answers as the hub does: the file's address leads on to a storage server, and names the file's SHA-256.

    Attributes:
        content: of ``small.pth``, the one file in any folder.
        told_sha256: what the hub says of it.
        stop_after: bytes after which the storage breaks off; None sends all.
        delay: seconds before the storage sends.
    """

    content, told_sha256 = CONTENT, SHA256
    stop_after: int | None = None
    delay = 0.0

    def do_HEAD(self) -> None:
        self.server.asked.append((self.command, self.path, None))
        self._lead_on()

    def do_GET(self) -> None:
        self.server.asked.append((self.command, self.path, self.headers.get('Range')))
        if self.path == '/storage':
            self._send()
        else:
            self._lead_on()

    def _lead_on(self) -> None:
        there = self.path.endswith('/small.pth')
        self.send_response(302 if there else 404)
        self.send_header('X-Repo-Commit', '0' * 40)
        if there:
            self.send_header('Location', f'http://localhost:{self.server.server_port}/storage')  # another host
            self.send_header('X-Linked-Etag', f'"{self.told_sha256}"')
            self.send_header('X-Linked-Size', str(len(self.content)))
            self.send_header('X-Xet-Hash', '1' * 64)
            self.send_header('X-Xet-Refresh-Route', f'{self.server.url}/xet')
        else:
            self.send_header('X-Error-Code', 'EntryNotFound')
        self.send_header('Content-Length', '0')
        self.end_headers()

    def _send(self) -> None:
        asked = self.headers.get('Range')
        start = int(asked[6:-1]) if asked else 0
        self.send_response(206 if start else 200)
        self.send_header('Content-Length', str(len(self.content) - start))
        self.end_headers()
        time.sleep(self.delay)
        part = self.content[start:][: self.stop_after]
        self.server.sent.append(len(part))
        self.wfile.write(part)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve_hub() -> Iterator[ThreadingHTTPServer]:
    """Run the hub and its storage; ``handler``'s attributes change what they do.

    Yields:
        The server: ``url``, ``asked`` (method, path, range of each request), ``sent`` (bytes, each time).
    """
    own = type('OwnHandler', (HubHandler,), {})
    server = ThreadingHTTPServer(('127.0.0.1', 0), own)
    server.asked, server.sent, server.handler = [], [], own
    server.url = f'http://127.0.0.1:{server.server_port}'
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
