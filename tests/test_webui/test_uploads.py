"""What the page's server takes, what it refuses, and what it leaves behind, asked by hand."""

import base64
import concurrent.futures
import io
import socket
import threading
import time
import zipfile
from urllib.parse import urlsplit

import numpy as np
import pytest
from page_client import POSE, RGB, ask, upload, upload_target

from unisign.apis import SignInferencer
from unisign.webui import PageLimits, WebPage


def nothing_left(served):
    """Wait for what a visitor who has gone leaves to be removed."""
    end = time.monotonic() + 20
    while served.uploads() and time.monotonic() < end:
        time.sleep(0.05)
    return not served.uploads()


def test_the_answer_is_the_inferencers(served, clip, checkout):
    video, poses = (checkout / 'data' / 'toy' / 'videos' / clip['video'][0], checkout / clip['poses'][0])
    for name in (POSE, RGB):
        expected = served.inferencers[name](str(video), poses=str(poses), lang='en')
        reply = upload(served.url, name, **clip)
        assert reply.status == 200 and served.uploads() == []
        answers = [line['answer'] for line in reply.lines if 'answer' in line]
        (answer,) = answers
        assert (answer['text'], answer['task'], answer['lang']) == (expected.text, expected.task, 'en')
        assert answer['score'] == pytest.approx(expected.score, abs=1e-5)
        assert [text for text, _ in answer['nbest']] == [text for text, _ in expected.nbest]
        evidence = reply.lines[-1]['evidence']
        assert base64.b64decode(evidence['video'])[4:8] == b'ftyp' and evidence['drawing_problem'] == ''
        assert {part['name'] for part in evidence['parts']} == {'body', 'face_all', 'right', 'left'}
        assert all(0 <= part['seen'] <= 1 for part in evidence['parts'])
        read = evidence['read']
        assert len(read) == answer['num_frames'] and 0 <= min(read) <= max(read) < evidence['clip_frames']
    hands = evidence['hands']  # of the RGB-pose model
    assert hands and all(0 <= card['gate'] <= 1 for card in hands)
    assert all(base64.b64decode(card[kind])[:2] == b'\xff\xd8' for card in hands for kind in ('picture', 'places'))


def test_keypoints_are_estimated_and_progress_is_told(served, clip):
    reply = upload(served.url, POSE, video=clip['video'])
    steps = [line['step'] for line in reply.lines]
    order = ['waiting', 'checking', 'keypoints', 'model', 'drawing', 'done']
    assert steps == sorted(steps, key=order.index) and steps[-1] == 'done'
    assert reply.lines[-1]['evidence']['hands'] is None


def bomb(**arrays):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f'{name}.npy', 'w') as file:
                np.lib.format.write_array(file, array)
    return out.getvalue()


PLAYLIST = b'#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:2.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'
REFUSED = {
    'zero bytes': ('a.mp4', b'', 'the file is empty (0 bytes)'),
    'text': ('a.mp4', b'The quick brown fox. ' * 50, 'cannot be read as a video'),
    'concat': ('a.mp4', b"ffconcat version 1.0\nfile '/etc/passwd'\n", 'is no video: a playlist or a list of files'),
    'playlist': ('a.mp4', PLAYLIST, 'cannot be read as a video'),
    'address': ('https://example.org/a.mp4', b'', 'the file is empty (0 bytes)'),
}


@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_no_video_is_refused(served, clip, kind):
    name, content, problem = REFUSED[kind]
    reply = upload(served.url, POSE, video=(name, content), poses=clip['poses'])
    assert reply.problem.startswith(f'{name}: {problem}')
    assert str(served.place) not in reply.body.decode() and 'Traceback' not in reply.body.decode()
    assert served.uploads() == [] and served.outside == []


def test_poses_that_are_none_are_refused(served, clip):
    frames = np.zeros((2, 133, 2), np.float32)
    refused = {
        'bomb.npz': (bomb(keypoints=np.zeros((60_000, 133, 2), np.float32)), 'unpacks to 63.8 MB'),
        'other.npz': (bomb(keypoints=frames), 'no array scores'),
        'cut.npz': (clip['poses'][1][:-500], 'is no readable .npz'),
        'poses.pkl': (b"cos\nsystem\n(S'touch /tmp/owned'\ntR.", 'this pickle was refused'),
        'huge.pkl': (b'\x80\x04Nr\xff\xff\xff\xff.', ''),  # makes the unpickler ask for 64 GB
        'poses.txt': (b'1 2 3', 'is no pose file by its name'),
        '../../poses.npz': (b'PK', 'is no readable .npz'),
    }
    for name, (content, problem) in refused.items():
        reply = upload(served.url, POSE, video=clip['video'], poses=(name, content))
        assert reply.problem.startswith(f'{name}: {problem}'), reply.problem
        assert str(served.place) not in reply.problem and 'Traceback' not in reply.problem
    assert served.uploads() == []


def test_limits(served, clip, checkout):
    name, content = clip['video']
    assert upload(served.url, POSE, video=('a.mp4', bytes(2_000_001))).problem == 'a.mp4: larger than 2 MB.'
    assert upload(served.url, POSE, video=(name, content), pose_bytes=33_000_000).status == 413
    for wrong in ('-1', '1e3', '', '9' * 40):
        assert upload(served.url, POSE, video=(name, content), video_bytes=wrong).status == 400
    assert 'More came' in upload(served.url, POSE, video=(name, content), video_bytes=10).problem
    assert 'Less came' in upload(served.url, POSE, video=(name, content), video_bytes=len(content) + 1).problem
    assert upload(served.url, 'other', **clip).status == upload(served.url, POSE, 'de', **clip).status == 400
    assert nothing_left(served)


def test_a_long_video(served, checkout, tmp_path):
    from unisign.visualization.video_io import write_video

    write_video(tmp_path / 'long.mp4', (np.zeros((16, 16, 3), np.uint8) for _ in range(220)), 25)
    reply = upload(served.url, POSE, video=('long.mp4', (tmp_path / 'long.mp4').read_bytes()))
    assert reply.problem.startswith('long.mp4: it lasts 8.8 s and has 220 frames; 8 s and 480 frames are read at most.')
    write_video(tmp_path / 'one.mp4', [np.zeros((16, 16, 3), np.uint8)], 25)
    reply = upload(served.url, POSE, video=('one.mp4', (tmp_path / 'one.mp4').read_bytes()))
    assert reply.problem.startswith('one.mp4: holds 1 frame; signing is movement.')


@pytest.mark.parametrize(
    'target',
    [
        '/../../../../etc/passwd',
        '/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
        '//etc/passwd',
        '/file=/etc/passwd',
        '/static/../app.py',
        '/api/../../app.py',
        '/api/translate/../../../etc/passwd',
        '/page.js/../../guard.py',
        '/page.css%00.py',
        'http://example.org/',
        'file:///etc/passwd',
    ],
)
def test_no_file_of_the_computer_is_given_away(served, target):
    reply = ask(served.url, target=target)
    assert reply.status in (400, 403, 404)
    assert b'root:' not in reply.body and b'import' not in reply.body


def test_other_web_sites_are_kept_out(served, clip):
    port = urlsplit(served.url).port
    for host, status in {
        f'localhost:{port}': 200,
        f'127.0.0.1:{port}': 200,
        f'[::1]:{port}': 200,
        f'evil.example:{port}': 403,
        'localhost.evil.example': 403,
        'user@localhost': 403,
        'localhost/evil.example': 403,
        '[::1': 403,
        '': 403,
    }.items():
        assert ask(served.url, host=host).status == status, host
    own = served.url.rstrip('/')
    for headers, status in (
        ({'Origin': own}, 200),
        ({'Origin': 'http://evil.example'}, 403),
        ({'Origin': 'null'}, 403),
        ({'Origin': f'http://127.0.0.1:{port + 1}'}, 403),
        ({'Sec-Fetch-Site': 'cross-site'}, 403),
        ({'Sec-Fetch-Site': 'same-site'}, 403),
        ({'Content-Type': 'multipart/form-data; boundary=x'}, 415),
    ):
        assert upload(served.url, POSE, headers=headers, **clip).status == status, headers
    assert ask(served.url, 'OPTIONS', '/api/translate').status == 405
    assert ask(served.url, target='/api/translate').status == 405
    reply = ask(served.url, headers={'Origin': 'http://evil.example'})
    assert not [name for name in reply.headers if name.lower().startswith('access-control')]
    for name, value in (
        ('Content-Security-Policy', "default-src 'none'; script-src 'self';"),
        ('X-Content-Type-Options', 'nosniff'),
        ('Cross-Origin-Resource-Policy', 'same-origin'),
        ('Cache-Control', 'no-store'),
    ):
        assert reply.headers[name].startswith(value)
    assert 'server' not in reply.headers and nothing_left(served)


def test_people_at_the_same_time(served, clip):
    served.hold.clear()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        try:
            replies = [pool.submit(upload, served.url, POSE, video=clip['video']) for _ in range(3)]
            end = time.monotonic() + 30
            while len(served.uploads()) < 3 and time.monotonic() < end:
                time.sleep(0.05)
            fourth = upload(served.url, POSE, **clip)
            assert ask(served.url).status == 200
        finally:
            served.hold.set()
        answers = [reply.result().lines for reply in replies]
    assert fourth.status == 503 and 'Too many people' in fourth.problem
    assert all(lines[-1]['step'] == 'done' for lines in answers)
    assert max(line.get('before', 0) for lines in answers for line in lines) >= 1
    assert served.uploads() == [] and upload(served.url, POSE, **clip).lines[-1]['step'] == 'done'


def connected(served, target, length, body):
    parts = urlsplit(served.url)
    connection = socket.create_connection((parts.hostname, parts.port))
    head = f'POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/octet-stream\r\n'
    connection.sendall(f'{head}Content-Length: {length}\r\n\r\n'.encode() + body)
    return connection


def test_visitors_who_leave(served, clip):
    name, content = clip['video']
    target = upload_target(POSE, video=(name, content))
    with connected(served, target, len(content), content[:1000]) as halted:  # in the middle of the upload
        assert b'408' in halted.recv(1000)
    connected(served, target, len(content), content[:1000]).close()
    served.hold.clear()
    try:
        for _ in range(2):  # one in work, one waiting
            connection = connected(served, target, len(content), content)
            assert b'200 OK' in connection.recv(1000)
            connection.close()
    finally:
        time.sleep(0.5)
        served.hold.set()
    assert nothing_left(served)
    assert upload(served.url, POSE, **clip).lines[-1]['step'] == 'done'


def broken(frames, frame_rate=25.0):
    raise RuntimeError('a secret of the server')


def missing():
    raise ImportError('no estimator')


@pytest.mark.parametrize(
    'estimator, words',
    [(lambda: broken, 'Something went wrong on the computer'), (missing, 'Keypoints: cannot be estimated')],
    ids=['broken', 'missing'],
)
def test_faults_of_ours_are_no_tracebacks_on_the_page(served, clip, tmp_path, caplog, estimator, words):
    models = {POSE: lambda pose: SignInferencer(served.inferencers[POSE].model, pose=pose)}
    page = WebPage(models, estimator, ['en'], PageLimits(), port=0, place=str(tmp_path))
    thread = threading.Thread(target=page.run)
    thread.start()
    reply = upload(page.url, POSE, video=clip['video'])
    page.stop()
    thread.join(30)
    assert reply.problem.startswith(words) and 'secret' not in reply.problem
    assert ('a secret of the server' in caplog.text) == (estimator is not missing)
    assert list(tmp_path.iterdir()) == []
