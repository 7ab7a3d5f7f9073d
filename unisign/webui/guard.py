"""Keeps other web sites away from a server on this computer, and the page away from other servers."""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The page may load its own files, and show pictures and videos that it was sent. Nothing else, from nowhere else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(self), microphone=(), geolocation=(), display-capture=()',
    'Cache-Control': 'no-store',
}


class Guard:
    """Passes on what comes from the page itself, and adds headers that bind the browser.

    A web site can make a browser send requests to any address, also to this one, and read the answers if it has made
    its own name point here (DNS rebinding). Such a request carries that name as ``Host``, or the site as ``Origin``.

    Args:
        app: what is guarded.
        host_names: names that the server goes by, beside ``localhost`` and numeric addresses (to which no site can
            point its name).
    """

    def __init__(self, app: ASGIApp, host_names: Iterable[str] = ()) -> None:
        self.app = app
        self.host_names = {'localhost', *(name.lower() for name in host_names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope['type'] != 'http':  # the start and end of the server
            await self.app(scope, receive, send)
            return

        async def send_bound(message: Message) -> None:
            if message['type'] == 'http.response.start':
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        problem = self.problem(scope['method'], Headers(scope=scope))
        app = PlainTextResponse(f'{problem}\n', 403) if problem else self.app
        await app(scope, receive, send_bound)

    def problem(self, method: str, headers: Headers) -> str:
        """Return why a request is refused; '' if it is not."""
        hosts = headers.getlist('host')
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            return 'This server does not go by that name. Open it by the address that it printed when it started.'
        if method in ('GET', 'HEAD'):
            return ''
        origin = headers.get('origin')
        site = headers.get('sec-fetch-site', 'same-origin')
        if site not in ('same-origin', 'none') or (origin is not None and urlsplit(origin).netloc != hosts[0]):
            return 'This request comes from another web site.'
        return ''

    def _is_ours(self, host: str) -> bool:
        try:
            parts = urlsplit(f'//{host}')
            if parts.netloc != host or '@' in host:
                return False
            name = (parts.hostname or '').rstrip('.')
        except ValueError:
            return False
        return name in self.host_names or _is_numeric(name)


def _is_numeric(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
