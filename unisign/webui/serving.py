"""Starting the page and ending it."""

import importlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from unisign.structures import DataError, Poses
from unisign.webui.limits import PageLimits

INSTALL = 'pip install -e ".[demo]"'
LOCAL = '127.0.0.1'
FAREWELL = 3  # seconds for answers under way when the server is ended
CONNECTIONS = 100


class WebPage:
    """A server with the page.

    Args:
        models: name -> ``SignInferencer`` for those that visitors may choose, the first one by default. It is made by
            a function that gets what to pass on as ``pose``, so that the page can tell how far the keypoints are.
        estimator: makes the estimator of keypoints when it is first needed.
        languages: codes of the languages that visitors may choose; none: each config's own.
        limits: of uploads.
        host: address to listen on; only this computer reaches the default.
        port: 0 takes a free one.
        host_names: names by which browsers may call this server, beside ``localhost``, numeric addresses and ``host``.
        place: folder for temporary files; None takes the system's.

    Raises:
        DataError: if the address cannot be used, or a model's config is wrong.
        ImportError: if the packages of the extra ``demo`` are missing.
    """

    def __init__(
        self,
        models: dict[str, Callable[[Any], Any]],
        estimator: Callable[[], Callable[..., Poses]],
        languages: Sequence[str] = (),
        limits: PageLimits | None = None,
        host: str = LOCAL,
        port: int = 7860,
        host_names: Sequence[str] = (),
        place: str | None = None,
    ) -> None:
        uvicorn, app = _import('uvicorn'), _import('unisign.webui.app')
        from unisign.webui.clip_answers import ClipAnswers, Keypoints, offer
        from unisign.webui.clip_folders import ClipFolders
        from unisign.webui.jobs import Jobs
        from unisign.webui.run_apart import start_fork_server

        limits = limits or PageLimits()
        self.local = is_local(host)
        self._socket = _bound(host, port)
        start_fork_server()
        keypoints = Keypoints(estimator)
        offered = [offer(name, make(keypoints), languages) for name, make in models.items()]
        self._folders = ClipFolders(place)
        self._jobs = Jobs(ClipAnswers(offered, keypoints, limits), self._folders, limits.max_waiting)
        application = app.make_app(self._jobs, offered, limits, [host, *host_names], self.local)
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_level='warning',
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws='none',
                lifespan='off',
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=FAREWELL,
            )
        )
        name = f'[{host}]' if ':' in host else host
        self.url = f'http://{name}:{self._socket.getsockname()[1]}/'

    def run(self) -> None:
        """Serve until ``stop``, Ctrl+C or SIGTERM; then remove all that was uploaded."""
        try:
            self._server.run(sockets=[self._socket])
        except KeyboardInterrupt:
            pass
        finally:
            self._jobs.close()
            self._folders.close()
            self._socket.close()

    def stop(self) -> None:
        """End ``run``, from another thread."""
        self._server.should_exit = True


def serve(page: WebPage) -> None:
    """Serve a page, and print its address.

    A host that other computers reach is warned of.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn passes signals on when it is done
    if not page.local:
        print(
            'WARNING: other computers can open this page, without a password and unencrypted: what they upload can be '
            'read on the way, browsers let nobody record, and anyone can keep this computer busy. '
            f'With --host {LOCAL} only this computer can.',
            file=sys.stderr,
            flush=True,
        )
    print(f'Open {page.url} in a browser; Ctrl+C ends the page.', flush=True)
    page.run()


def is_local(host: str) -> bool:
    """Tell whether only this computer reaches a server that listens on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def _import(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f'The web page needs starlette and uvicorn ({error}): {INSTALL}') from error


def _bound(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ':' in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        reason = getattr(error, 'strerror', None) or error
        raise DataError(f'{host}:{port}', f'cannot be listened on ({reason}).', 'Choose another --port.') from error
