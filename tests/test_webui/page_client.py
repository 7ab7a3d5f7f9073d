"""Asking a page of the tests, by hand."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

POSE, RGB = 'stage3_toy-slt_pose', 'stage3_toy-islr'  # the models of the page under test
CLIP = 'sign-test-00000'


@dataclass
class Reply:
    status: int
    headers: Any
    body: bytes

    @property
    def lines(self) -> list[dict]:
        """The lines of JSON in the body."""
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def problem(self) -> str:
        """Why there is no answer."""
        return self.lines[-1].get('problem', '')


def ask(url, method='GET', target='/', body=None, headers=None, host=None):
    """Send one request, as it stands: http.client neither mends paths nor follows anywhere."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    connection.putrequest(method, target, skip_host=host is not None)
    headers = dict(headers or {}, **({} if host is None else {'Host': host}))
    if body is not None:
        headers.setdefault('Content-Length', str(len(body)))
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    reply = Reply(response.status, response.headers, response.read())
    connection.close()
    return reply


def upload_target(model, lang='en', video=('clip.mp4', b''), poses=('', b''), **others):
    asked = dict(model=model, lang=lang, video=video[0], video_bytes=len(video[1]), poses=poses[0])
    return '/api/translate?' + urlencode(asked | {'pose_bytes': len(poses[1])} | others)


def upload(url, model, lang='en', video=('clip.mp4', b''), poses=('', b''), headers=None, **others):
    headers = {'Content-Type': 'application/octet-stream'} | (headers or {})
    return ask(url, 'POST', upload_target(model, lang, video, poses, **others), video[1] + poses[1], headers)
