"""The model zoo: configs of the package by name, and where the weights that go with them lie.

``configs/unisign/metafile.yml`` says so, for us as for OpenMMLab's ``mim``. Configs are code, so those of the zoo come
from the installed package only, whatever lies in the working directory.
"""

import difflib
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

import unisign
from unisign.structures import DataError

_METAFILE = 'configs/unisign/metafile.yml'
_HUB_ADDRESS = re.compile(
    r'https://huggingface\.co/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)'
)


@dataclass(frozen=True)
class HubFile:
    """A file on the Hugging Face hub.

    Attributes:
        repository: owner and name.
        revision: branch, tag or commit.
        name: of the file in it.
        license: that its authors set.
        sha256: its checksum; None if none is known.
        size: bytes; None if not known.
    """

    repository: str
    revision: str
    name: str
    license: str
    sha256: str | None = None
    size: int | None = None

    @property
    def file_name(self) -> str:
        """What it is called on this machine."""
        return Path(self.name).name

    @property
    def url(self) -> str:
        """Its address on the hub itself."""
        return f'https://huggingface.co/{self.repository}/resolve/{self.revision}/{self.name}'


@dataclass(frozen=True)
class ZooModel:
    """An entry of the zoo.

    Attributes:
        name: of the entry and its config.
        config: the config's file in the package.
        weights: where its published weights lie; None if none are known.
        parameters: how many the model has.
    """

    name: str
    config: Path
    weights: HubFile | None
    parameters: int


def package_root() -> Path:
    """Return the folder that holds ``configs`` and ``tools``: in the installed package, or its checkout."""
    package = Path(unisign.__file__).parent
    return package / '.mim' if (package / '.mim').is_dir() else package.parent


def zoo_models() -> dict[str, ZooModel]:
    """Return the entries of the zoo by name.

    Raises:
        DataError: if the package came without its metafile, or an entry's ``Weights`` are not on the hub.
    """
    return _read(package_root())


def zoo_model(name: str) -> ZooModel:
    """Return an entry of the zoo.

    Raises:
        DataError: if there is none of that name; it lists the nearest ones.
    """
    models = zoo_models()
    if name not in models:
        raise DataError(name, 'is no name of the model zoo.', nearest(name, models))
    return models[name]


def is_zoo_name(name: object) -> bool:
    """Tell whether something is the name of an entry of the zoo."""
    return isinstance(name, str) and name in zoo_models()


def nearest(name: str, models: dict[str, ZooModel]) -> str:
    """Return a sentence with the names that are most like ``name``, or with all of them."""
    near = difflib.get_close_matches(name, models, n=3, cutoff=0.6)
    return f'Did you mean {" or ".join(near)}?' if near else f'It has {", ".join(models)}.'


@functools.cache
def _read(root: Path) -> dict[str, ZooModel]:
    path = root / _METAFILE
    try:
        entries = yaml.safe_load(path.read_text(encoding='utf-8'))['Models']
        return {entry['Name']: _model(root, entry) for entry in entries}
    except OSError as error:
        raise DataError(
            path, f'cannot be read ({error}).', 'Install unisign again: its files are not complete.'
        ) from error
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DataError(path, f'is no metafile of a model zoo ({type(error).__name__}: {error}).', '') from error


def _model(root: Path, entry: dict) -> ZooModel:
    meta, address = entry['Metadata'], entry.get('Weights')
    weights = None
    if address is not None:
        place = _HUB_ADDRESS.fullmatch(address)
        if place is None:
            raise ValueError(
                f'{entry["Name"]}: Weights should be an address https://huggingface.co/OWNER/NAME/resolve/..'
            )
        sha256, size = (None if meta[key] == 'unknown' else meta[key] for key in ('Weights SHA256', 'Weights Size'))
        sha256 = None if sha256 is None else str(sha256)
        if sha256 is not None and not re.fullmatch('[0-9a-f]{64}', sha256):
            raise ValueError(f'{entry["Name"]}: Weights SHA256 should be 64 digits, or unknown')
        weights = HubFile(place['repository'], place['revision'], place['file'], meta['Weights License'], sha256, size)
    return ZooModel(entry['Name'], root / entry['Config'], weights, meta['Parameters'])
