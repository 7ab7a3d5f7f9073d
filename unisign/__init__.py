"""unisign: sign-language understanding with Uni-Sign, as an MMEngine plugin library."""

from unisign.version import __version__

__all__ = ['__version__']
