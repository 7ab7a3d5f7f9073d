"""Files from the web: resumed where an earlier try stopped, checked, and never half there."""

import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

from filelock import FileLock

from unisign.optional import sha256_of
from unisign.structures import DataError

_BLOCK = 1 << 20
_TIMEOUT = 60  # seconds without a byte
# Publishers of OpenMMLab write the first digits of the SHA-256 into the name: NAME-<8 digits>[_<date>].pth; so does
# tools/models/publish.py, with .safetensors.
# A date alone, NAME-20231122.pth, is none.
_HASH_IN_NAME = re.compile(r'-(?!20\d{6}\.)([0-9a-f]{8})(?:_\d{8})?\.(?:pth|safetensors)$')


def cache_folder() -> Path:
    """Return the folder for downloads: ``UNISIGN_CACHE``, else ``unisign`` in ``XDG_CACHE_HOME`` or ``~/.cache``."""
    named = os.environ.get('UNISIGN_CACHE')
    return Path(named) if named else Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'unisign'


def hash_in_name(url: str) -> str | None:
    """Return the digits of the SHA-256 that a file of OpenMMLab carries in its name; None if it carries none."""
    found = _HASH_IN_NAME.search(url)
    return found[1] if found else None


def download(
    url: str, folder: str | Path, sha256: str | None = None, progress: Callable[[int, int | None], None] | None = None
) -> Path:
    """Return the file of ``url`` in ``folder``, downloaded if it is not there.

    What arrives goes to ``NAME.part``; a later call goes on from there if the server allows it. The file gets its name
    when it is complete and its checksum is right.

    Args:
        url: http or https.
        folder: made if it is not there.
        sha256: the checksum or its first digits; None takes those in the name, if there are any.
        progress: called with the bytes that are there, and all there will be, None if the server does not say.

    Raises:
        DataError: for another kind of URL, a server that does not answer or stops, or a wrong checksum; a file with a
            wrong checksum is removed.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ('http', 'https') or not Path(parts.path).name:
        raise DataError(url, 'should be the http or https address of a file.', '')
    path = Path(folder) / Path(urllib.parse.unquote(parts.path)).name
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f'{path}.lock'):  # many processes start at once
        if path.exists():
            return path
        part = path.with_name(path.name + '.part')
        try:
            _fetch(url, part, progress)
        except (OSError, HTTPException) as error:
            raise DataError(
                url, f'could not be downloaded ({error}).', f'Try again, it goes on from there; or lay it at {path}.'
            ) from error
        _check(url, part, sha256 or hash_in_name(url))
        part.replace(path)
    return path


def _fetch(url: str, part: Path, progress: Callable[[int, int | None], None] | None) -> None:
    there = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={'Range': f'bytes={there}-'} if there else {})
    try:
        answer = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is behind what is there: complete, or of another file, which its checksum tells
            return
        raise
    with answer, part.open('ab' if answer.status == 206 else 'wb') as file:
        there = there if answer.status == 206 else 0
        length = answer.headers.get('Content-Length')
        total = there + int(length) if length else None
        while block := answer.read(_BLOCK):
            file.write(block)
            there += len(block)
            if progress is not None:
                progress(there, total)
    if total is not None and there < total:
        raise OSError(f'the connection ended after {there} of {total} bytes')


def _check(url: str, part: Path, expected: str | None) -> None:
    if expected is None:
        return
    found = sha256_of(part)
    if not found.startswith(expected.lower()):
        part.unlink()
        raise DataError(url, f'the SHA-256 is {found}, expected {expected}.', 'It was removed: download it again.')
