"""The page's HTTP side: its files, one address for clips, and what keeps other web sites out.

Imports starlette, so only ``serving`` imports it, when a page is started.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from unisign.webui.clip_answers import OfferedModel, video_name
from unisign.webui.guard import Guard
from unisign.webui.jobs import OUR_FAULT, Job, Jobs
from unisign.webui.limits import MEGABYTE, POSE_BYTES, PageLimits

STATIC = {
    '/': ('index.html', 'text/html; charset=utf-8'),
    '/page.css': ('page.css', 'text/css; charset=utf-8'),
    '/page.js': ('page.js', 'text/javascript; charset=utf-8'),
    '/icon.svg': ('icon.svg', 'image/svg+xml'),
}
HALTED = 408
UPLOAD_TYPE = 'application/octet-stream'
ENDS = ('done', 'failed')
TICK = 0.1  # seconds between two looks at a job
HEARTBEAT = 20  # ticks after which something is sent, so that a lost connection is noticed


def make_app(
    jobs: Jobs, models: Iterable[OfferedModel], limits: PageLimits, host_names: Iterable[str], local: bool
) -> Guard:
    """Return the ASGI application.

    Args:
        jobs: answers clips.
        models: that visitors may choose, the first one by default.
        limits: of uploads.
        host_names: names by which browsers may call this server, beside ``localhost`` and numeric addresses.
        local: whether only this computer can open the page.
    """
    offered = {model.name: model for model in models}
    settings = {
        'models': [model.describe() for model in offered.values()],
        'maxMegabytes': limits.max_megabytes,
        'maxSeconds': limits.max_seconds,
        'maxPoseMegabytes': POSE_BYTES / MEGABYTE,
        'local': local,
    }
    upload = _Upload(jobs, offered, limits)
    routes = [Route(path, _file(*static)) for path, static in STATIC.items()]
    routes.append(Route('/api/page', lambda request: JSONResponse(settings)))
    routes.append(Route('/api/translate', upload, methods=['POST']))
    return Guard(Starlette(routes=routes), host_names)


def _file(name: str, kind: str) -> Any:
    """Return an endpoint for a file of the page, read once: no request ever names a path."""
    content = resources.files('unisign.webui').joinpath('static', name).read_bytes()
    return lambda request: Response(content, headers={'Content-Type': kind})


class _RefusedError(Exception):
    """An upload that is not taken, with a status and a sentence for the visitor."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status, self.problem = status, problem


class _Upload:
    """The address for clips: video and pose file come in, lines of JSON about the way of the clip go out."""

    def __init__(self, jobs: Jobs, offered: dict[str, OfferedModel], limits: PageLimits) -> None:
        self._jobs, self._offered, self._limits = jobs, offered, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        request = Request(scope, receive)
        job = self._jobs.enter()
        if job is None:
            await self._discard(request)
            problem = 'Too many people are waiting. Please try again in a minute.'
            await _refusal(503, problem)(scope, receive, send)
            return
        try:
            async with asyncio.timeout(
                self._limits.uploading_seconds
            ):  # else one byte now and then would hold a place for hours
                await self._take(request, job)
            self._jobs.start(job)
            await _send_progress(self._jobs, job, receive, send)
        except _RefusedError as error:
            if error.status != HALTED:
                await self._discard(request)
            await _refusal(error.status, error.problem)(scope, receive, send)
        except TimeoutError:
            await _refusal(HALTED, 'The upload took too long. Please try again.')(scope, receive, send)
        except ClientDisconnect:
            pass
        except OSError:
            logging.getLogger('unisign').exception('An upload could not be stored.')
            await _refusal(507, OUR_FAULT)(scope, receive, send)
        finally:
            self._jobs.leave(job)

    async def _take(self, request: Request, job: Job) -> None:
        """Write what is uploaded into the job's folder, and note what is asked."""
        asked = request.query_params
        model = self._offered.get(asked.get('model', ''))
        if model is None:
            raise _RefusedError(400, 'There is no such model here. Reload the page.')
        if asked.get('lang') not in model.languages:
            raise _RefusedError(400, f'{model.name} does not answer in this language. Reload the page.')
        if request.headers.get('content-type') != UPLOAD_TYPE:
            raise _RefusedError(415, f'Send the bytes of the video as {UPLOAD_TYPE}.')
        job.model, job.lang = model.name, asked['lang']
        sizes = [_size(asked.get('video_bytes')), _size(asked.get('pose_bytes', '0'))]
        names = [asked.get('video', ''), asked.get('poses', '')]
        for name, size, most in zip(names, sizes, (self._limits.video_bytes, POSE_BYTES), strict=True):
            if size > most:
                raise _RefusedError(413, f'{name}: larger than {most / MEGABYTE:g} MB.')
        job.video = job.folder / video_name(names[0])
        files = [(job.video, sizes[0])]
        job.names[str(job.video)] = names[0] or 'The video'
        if names[1] or sizes[1]:
            (job.folder / 'poses').mkdir()
            job.poses = job.folder / 'poses' / video_name(names[1])
            files.append((job.poses, sizes[1]))
            job.names[str(job.poses)] = names[1] or 'The pose file'
        await self._receive(request, files)

    async def _discard(self, request: Request) -> None:
        """Let the rest of an upload pass, within limits: a browser that cannot send it to its end shows no answer."""
        rest = self._limits.video_bytes + POSE_BYTES
        with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):  # the last: it is at its end
            async with asyncio.timeout(self._limits.silence):
                async for piece in request.stream():
                    rest -= len(piece)
                    if rest < 0:
                        return

    async def _receive(self, request: Request, files: list[tuple[Path, int]]) -> None:
        """Write the body into files, one after the other."""
        body = request.stream().__aiter__()
        rest = b''
        for path, size in files:
            with path.open('xb') as file:
                while size:
                    if not rest:
                        rest = await self._next(body)
                    written = file.write(rest[:size])
                    rest, size = rest[written:], size - written
        if rest or await self._next(body, last=True):
            raise _RefusedError(400, 'More came than was announced. Reload the page and try again.')

    async def _next(self, body: Any, last: bool = False) -> bytes:
        """Return the next piece of the body that is not empty; b'' at its end, where that may be."""
        while True:
            try:
                piece = await asyncio.wait_for(anext(body), self._limits.silence)
            except StopAsyncIteration:
                if last:
                    return b''
                raise _RefusedError(400, 'Less came than was announced. Please try again.') from None
            except TimeoutError:
                raise _RefusedError(HALTED, 'The upload came to a halt. Please try again.') from None
            if piece:
                return piece


def _size(text: str | None) -> int:
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _RefusedError(400, 'The size of the upload is missing. Reload the page and try again.')
    return int(text)


def _refusal(status: int, problem: str) -> Response:
    return JSONResponse({'problem': problem}, status, headers={'Connection': 'close'})


async def _send_progress(jobs: Jobs, job: Job, receive: Receive, send: Send) -> None:
    """Send a line whenever the job has come further, the last one with the answer; stop when the visitor leaves."""
    headers = [(b'content-type', b'application/x-ndjson')]
    await send({'type': 'http.response.start', 'status': 200, 'headers': headers})
    gone = asyncio.create_task(_disconnected(receive))
    try:
        sent, silent, answered = None, 0, False
        while not gone.done():
            line = _line(jobs, job)
            silent += 1
            if line != sent or silent >= HEARTBEAT:
                ended = line['step'] in ENDS
                sent, silent = line, 0
                if job.answer is not None and not answered:
                    line, answered = {**line, 'answer': job.answer}, True
                body = (json.dumps(line, ensure_ascii=False) + '\n').encode()
                await send({'type': 'http.response.body', 'body': body, 'more_body': not ended})
                if ended:
                    return
            await asyncio.wait([gone], timeout=TICK)
    finally:
        gone.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())['type'] != 'http.disconnect':
        pass


def _line(jobs: Jobs, job: Job) -> dict[str, Any]:
    """Return how far a job is."""
    step = job.step
    if step == 'done':
        return {'step': step, 'evidence': job.evidence}
    if step == 'failed':
        return {'step': step, 'problem': job.problem or OUR_FAULT}
    line: dict[str, Any] = {'step': step}
    if step == 'waiting':
        line['before'] = jobs.waiting_before(job)
    if job.share is not None:
        line['percent'] = round(100 * job.share)
    return line
