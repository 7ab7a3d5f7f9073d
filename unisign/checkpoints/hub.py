"""A file from the Hugging Face hub, with its licence told first and its bytes checked."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from unisign.checkpoints.zoo import HubFile
from unisign.optional import sha256_of
from unisign.structures import DataError

_PATIENCE = 10.0  # seconds for the first answer
_SHA256 = re.compile('[0-9a-f]{64}')


def in_hub_cache(file: HubFile) -> Path | None:
    """Return the file in the cache of ``huggingface_hub``, where other programs may have laid it; None if it is not."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(file.repository, file.name, revision=file.revision)
    return Path(found) if isinstance(found, str) else None


def download_from_hub(
    file: HubFile, staging: Path, kept_at: Path, other_file: str | None, say: Callable[[str], None]
) -> Path:
    """Download a file into ``staging``, go on where an earlier try stopped, and check it.

    Args:
        file: what to fetch.
        staging: a folder of this file's own; what arrived of a failed download stays in it.
        kept_at: where the file will be looked for, for the advice of errors.
        other_file: another name of it on the hub.
        say: gets the licence before anything is asked of the network, and then what was checked.

    Returns:
        The file in ``staging``.

    Raises:
        DataError: if it cannot be fetched, or its size or checksum is wrong; it is removed then.
    """
    from huggingface_hub import get_hf_file_metadata, get_session, hf_hub_download, hf_hub_url

    name = other_file or file.name
    # huggingface_hub itself reads the variable only once, when it is imported
    endpoint = os.environ.get('HF_ENDPOINT') or 'https://huggingface.co'
    url = hf_hub_url(file.repository, name, revision=file.revision, endpoint=endpoint)
    say(f'{name} of {file.repository}, from {endpoint}')
    say(f'licence of these weights: {file.license}; by downloading them you accept it')
    try:
        # without network, the hub's own calls would try six times before they say so
        get_session().head(url, timeout=_PATIENCE)
        told = get_hf_file_metadata(url, endpoint=endpoint)
        revision = told.commit_hash or file.revision
        with _plain_http():
            found = hf_hub_download(file.repository, name, revision=revision, local_dir=staging, endpoint=endpoint)
    except (OSError, ValueError) as error:  # those of requests and of the hub are of these kinds
        raise _not_fetched(file, url, kept_at, error) from error
    hubs_own = told.etag if told.etag and _SHA256.fullmatch(told.etag) else None
    expected = replace(file, sha256=file.sha256 or hubs_own)
    _check(Path(found), expected, url)
    say(_what_was_checked(file, expected))
    return Path(found)


@contextmanager
def _plain_http() -> Iterator[None]:
    """Let huggingface_hub fetch by HTTP, which goes on where it stopped; its Xet transfer promises no such thing."""
    from huggingface_hub import constants

    before, constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_XET, True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


def _not_fetched(file: HubFile, url: str, kept_at: Path, error: Exception) -> DataError:
    from huggingface_hub.errors import EntryNotFoundError

    if isinstance(error, EntryNotFoundError) and getattr(error, 'response', None) is not None:
        return DataError(
            url,
            "there is no such file: the zoo's names are as remembered from the publication, and this one is wrong.",
            f'Look at https://huggingface.co/{file.repository}/tree/{file.revision} and name the file: '
            'tools/models/download.py NAME --file FILE_ON_THE_HUB.',
        )
    return DataError(
        url,
        f'could not be downloaded ({_reason(error)}).',
        'Try again: it goes on from where it stopped. HF_ENDPOINT names a mirror; without network, fetch it elsewhere '
        f'and lay it at {kept_at}.',
    )


def _reason(error: Exception) -> str:
    """Return why in a line, without the objects that a failed connection is wrapped in."""
    cause = getattr(error.args[0], 'reason', error) if error.args else error
    lines = str(cause).strip().splitlines() or [type(error).__name__]
    return re.sub(r'^(<.*?>|HTTPS?Connection\(.*?\)): ', '', lines[0]).rstrip('.')


def _check(path: Path, expected: HubFile, url: str) -> None:
    size = path.stat().st_size
    problem = None
    if expected.size is not None and size != expected.size:
        problem = f'has {size:,} bytes, expected {expected.size:,}.'
    elif expected.sha256 is not None and (found := sha256_of(path)) != expected.sha256:
        problem = f'the SHA-256 is {found}, expected {expected.sha256}.'
    if problem:
        path.unlink()
        raise DataError(url, problem, 'It was removed: download it again, or from another mirror.')


def _what_was_checked(file: HubFile, expected: HubFile) -> str:
    if file.sha256:
        return f'SHA-256 as it should be: {file.sha256}'
    unknown = 'no checksum is known here, so the file is only checked structurally (strict load)'
    if expected.sha256:
        return f'SHA-256 as the hub tells it: {expected.sha256}; {unknown}'
    return unknown
