"""A video from the web, within limits of size and time."""

import re
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from unisign.structures import ClipError
from unisign.version import __version__

SCHEMES = ('http', 'https')
_ADDRESS = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*://')
_CHUNK = 1 << 16
_LONGEST_SILENCE = 10.0  # seconds without a byte


@dataclass(frozen=True)
class DownloadLimits:
    """What a download may cost.

    Attributes:
        max_bytes: of the video.
        seconds: from the first connection to the last byte.
        max_redirects: from one address to the next.
    """

    max_bytes: int = 200_000_000
    seconds: float = 120.0
    max_redirects: int = 5


def is_address(text: str) -> bool:
    """Tell whether a text is an address (``scheme://..``), of any scheme."""
    return _ADDRESS.match(text) is not None


def address_name(url: str) -> str:
    """Return the last part of an address's path, without its suffix, as a clip's id."""
    try:
        parts = urlsplit(url)
    except ValueError:  # reported when it is fetched
        return url
    return Path(unquote(parts.path)).stem or parts.netloc


def download_video(url: str, folder: str | Path, limits: DownloadLimits | None = None) -> Path:
    """Fetch a video into ``folder`` and return its file.

    Only ``http`` and ``https`` are spoken, also where an address leads on to another one. The limits hold whatever the
    server announces, and however slowly it sends.

    Args:
        url: the address.
        folder: where the file is made; what was fetched of a failed download does not stay there.
        limits: of size and time.

    Raises:
        ClipError: naming the address, if it is of another scheme, cannot be fetched, or a limit is passed.
    """
    limits = limits or DownloadLimits()
    _check_scheme(url, url)
    with tempfile.NamedTemporaryFile(dir=folder, prefix='video_', delete=False) as file:
        transfer = _Transfer(url, file, limits)
        transfer.start()
        # The socket's own time limit counts from byte to byte: a server that drips would keep us for hours.
        transfer.join(limits.seconds)
        late = transfer.is_alive()
        transfer.cancelled = True
    problem = _too_slow(url, limits) if late else transfer.problem
    if problem is not None:
        Path(file.name).unlink()
        raise problem
    return Path(file.name)


class _Transfer(threading.Thread):
    """Copies what an address gives into an open file; ``problem`` says why it could not."""

    def __init__(self, url: str, file: Any, limits: DownloadLimits) -> None:
        super().__init__(daemon=True, name='download')
        self.url, self.file, self.limits = url, file, limits
        self.end = time.monotonic() + limits.seconds
        self.cancelled = False
        self.problem: Exception | None = None

    def run(self) -> None:
        """Copy."""
        try:
            request = urllib.request.Request(self.url, headers={'User-Agent': f'unisign/{__version__}'})
            opener = _opener(self.url, self.limits.max_redirects)
            with opener.open(request, timeout=min(_LONGEST_SILENCE, self.limits.seconds)) as response:
                self._copy(response)
        except ClipError as error:
            self.problem = error
        except TimeoutError:
            self.problem = _too_slow(self.url, self.limits)
        except (OSError, HTTPException, ValueError) as error:
            timed_out = isinstance(getattr(error, 'reason', None), TimeoutError)
            self.problem = _too_slow(self.url, self.limits) if timed_out else _not_fetched(self.url, error)

    def _copy(self, response: Any) -> None:
        announced = response.headers.get('Content-Length', '')
        if announced.isdigit() and int(announced) > self.limits.max_bytes:
            raise _too_large(self.url, f'{int(announced) / 1e6:,.1f} MB', self.limits)
        received = 0
        while not self.cancelled and (chunk := response.read1(_CHUNK)):
            received += len(chunk)
            if received > self.limits.max_bytes:
                raise _too_large(self.url, 'more', self.limits)
            if not self.cancelled:
                self.file.write(chunk)
        if announced.isdigit() and received < int(announced):
            raise _not_fetched(self.url, f'the connection ended after {received:,} of {int(announced):,} bytes')
        if not received:
            raise _not_fetched(self.url, 'the server sent nothing')


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows from address to address, and looks at each of them first."""

    def __init__(self, url: str, most: int) -> None:
        self.url = url
        self.max_redirections = self.max_repeats = most  # type: ignore[misc] # the parent reads them from itself

    def redirect_request(self, *args: Any) -> urllib.request.Request | None:
        """Return the request for the address that the server names, the last of ``args``."""
        _check_scheme(self.url, args[-1])
        return super().redirect_request(*args)

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Follow, unless to another scheme; the parent's own check of the scheme names no input."""
        target = headers.get('location', headers.get('uri', ''))
        if is_address(target):
            _check_scheme(self.url, target)
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener(url: str, max_redirects: int) -> urllib.request.OpenerDirector:
    """Return an opener that speaks http and https (through the environment's proxy, if any) and nothing else."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(url, max_redirects),
    ):
        opener.add_handler(handler)
    return opener


def _check_scheme(url: str, target: str) -> None:
    try:
        scheme = urlsplit(target).scheme.lower()
    except ValueError as error:
        raise ClipError(url, f'is no address ({error}).', 'Copy it from the browser again.') from error
    if scheme in SCHEMES:
        return
    if target == url:
        advice = 'Give the path of a file as it is.' if scheme == 'file' else 'Download it by other means first.'
        raise ClipError(url, f'{scheme}:// addresses are not read, only http and https.', advice)
    raise ClipError(
        url, f'it leads on to {target}, and only http and https are followed.', 'Give the address of the video itself.'
    )


def _too_large(url: str, size: str, limits: DownloadLimits) -> ClipError:
    return ClipError(
        url,
        f'the video is larger than a download may be ({size}; the limit is {limits.max_bytes / 1e6:,g} MB).',
        'Download it yourself and give the file, or raise the limit (DownloadLimits.max_bytes).',
    )


def _too_slow(url: str, limits: DownloadLimits) -> ClipError:
    return ClipError(
        url,
        f'the download was not finished in {limits.seconds:g} s, or came to a halt.',
        'Try again, download it yourself and give the file, or raise the limit (DownloadLimits.seconds).',
    )


def _not_fetched(url: str, reason: object) -> ClipError:
    if isinstance(reason, urllib.error.HTTPError):
        reason = f'HTTP {reason.code} {reason.msg}'.splitlines()[0]
    return ClipError(url, f'cannot be downloaded ({reason}).', 'Open the address in a browser to see what is wrong.')
