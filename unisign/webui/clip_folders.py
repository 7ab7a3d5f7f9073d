"""Where uploads lie as long as they are needed, and nothing of them afterwards."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = 'unisign_page_'
_LOCK = 'lock'


class ClipFolders:
    """A folder of this server's own for temporary files, with one inside for each request.

    A server that is killed cannot clean up: what such servers have left is removed by the next one. A folder belongs to
    a living server as long as the lock file inside is held.

    Args:
        place: where it is made; None takes the system's folder for temporary files.
    """

    def __init__(self, place: str | Path | None = None) -> None:
        place = Path(place or tempfile.gettempdir())
        remove_stale(place)
        self.root = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self._lock = (self.root / 'locking').open('w')
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (self.root / 'locking').rename(self.root / _LOCK)  # never there without being held

    def new(self) -> Path:
        """Return a new empty folder that only this user can open."""
        return Path(tempfile.mkdtemp(dir=self.root))

    def remove(self, folder: Path) -> None:
        """Remove a request's folder with all that is in it."""
        if folder.parent == self.root:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)
        self._lock.close()


def remove_stale(place: Path) -> list[Path]:
    """Remove what servers that are no longer there have left in ``place``; return these folders."""
    removed = []
    for folder in sorted(place.glob(f'{PREFIX}*')):
        if folder.lstat().st_uid != os.getuid():
            continue
        with contextlib.suppress(OSError), (folder / _LOCK).open() as lock:  # without a lock it is just being made
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed
