"""Finding an installed font that has the characters of a text. No font comes with the library."""

import logging
import os
import sys
from functools import lru_cache
from pathlib import Path

from mmengine.logging import print_log
from PIL import Image, ImageDraw, ImageFont

from unisign.structures import DataError

FONT_ADVICE = (
    'install one (Debian, Ubuntu: apt install fonts-noto-cjk or the small fonts-wqy-microhei) or name a font file by '
    'the argument font (browse_dataset.py: --font)'
)

# File names, in lower case, of fonts that are looked for, the better ones first.
_LATIN = ('dejavusans.ttf', 'notosans-regular', 'liberationsans-regular', 'helvetica', 'arial.ttf', 'segoeui.ttf')
_EAST_ASIAN = (
    'notosanscjk', 'notosanssc', 'sourcehansans', 'pingfang', 'msyh', 'wqy-microhei', 'wqy-zenhei', 'droidsansfallback',
    'hiragino sans gb', 'stheiti', 'simhei', 'simsun', 'notoserifcjk', 'uming', 'ukai', 'arialuni', 'arial unicode',
    'unifont',
)  # fmt: skip


def _font_folders() -> list[Path]:
    home = Path.home()
    if sys.platform == 'darwin':
        return [home / 'Library/Fonts', Path('/Library/Fonts'), Path('/System/Library/Fonts')]
    if sys.platform == 'win32':
        return [Path(os.environ.get('WINDIR', 'C:/Windows')) / 'Fonts']
    return [home / '.local/share/fonts', home / '.fonts', Path('/usr/local/share/fonts'), Path('/usr/share/fonts')]


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    """Return the files of the known fonts that are installed: Latin ones first, each kind by preference."""
    files = [
        path
        for folder in _font_folders()
        if folder.is_dir()
        for path in sorted(folder.rglob('*'))
        if path.suffix.lower() in ('.ttf', '.otf', '.ttc', '.pcf')
    ]
    chosen = []
    for wanted in (*_LATIN, *_EAST_ASIAN):
        found = [path for path in files if path.name.lower().startswith(wanted)]
        # "Regular" and unmarked weights before bold and light ones.
        found.sort(key=lambda path: (not path.stem.lower().endswith(('regular', wanted)), path.name))
        chosen += [str(path) for path in found[:1]]
    return tuple(chosen)


@lru_cache(maxsize=64)
def load_font(path: str | None, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the font in ``path``, or Pillow's built-in Latin one for None, at ``size`` pixels.

    Raises:
        DataError: if the file is no font.
    """
    if path is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(path, size)
    except OSError as error:
        raise DataError(path, f'cannot be read as a font ({error}).', 'Name a .ttf, .otf or .ttc file.') from error


@lru_cache(maxsize=4096)
def _has_glyph(path: str | None, character: str) -> bool:
    """Tell whether a font draws ``character``, and not the box it draws for U+10FFFF, which no font has."""
    return character.isspace() or _rendered(path, character) != _rendered(path, '\U0010ffff')


def _rendered(path: str | None, character: str) -> bytes:
    image = Image.new('L', (48, 48))
    ImageDraw.Draw(image).text((12, 36), character, fill=255, font=load_font(path, 24), anchor='ls')
    return image.tobytes()


def _missing(path: str | None, text: str) -> list[str]:
    return [character for character in dict.fromkeys(text) if not _has_glyph(path, character)]


def choose_font(text: str, font: str | None = None) -> tuple[str | None, str]:
    r"""Return a font file for ``text`` and the text as that font can draw it.

    Args:
        text: any characters.
        font: font file to use, whatever is installed.

    Returns:
        The file (None: Pillow's built-in font), and the text; characters that the best font lacks are written as
        ``\u4eca``, and a warning says once how to install a font.

    Raises:
        DataError: if ``font`` is no font file.
    """
    candidates = (font,) if font else (*_installed(), None)
    best = min(candidates, key=lambda path: len(_missing(path, text)))
    missing = _missing(best, text)
    if missing:
        _warn_once(best)
    escapes = {ord(character): character.encode('unicode_escape').decode() for character in missing}
    return best, text.translate(escapes)


@lru_cache(maxsize=8)
def _warn_once(path: str | None) -> None:
    name = path or 'no installed font'
    print_log(f'{name} has not all characters of the text, so they are drawn as \\uXXXX; {FONT_ADVICE}.',
              logger='current', level=logging.WARNING)  # fmt: skip
