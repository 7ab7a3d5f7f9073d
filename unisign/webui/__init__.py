"""The web page: a video in, its text out, in a browser on this computer (docs/web_page.md)."""

from unisign.webui.limits import PageLimits
from unisign.webui.serving import WebPage, serve

__all__ = ['PageLimits', 'WebPage', 'serve']
