"""Configs by name: those of the model zoo from the package alone, others from the working directory too."""

import difflib
from pathlib import Path

from unisign.checkpoints.zoo import is_zoo_name, package_root, zoo_model
from unisign.structures import DataError


def find_config(name: str | Path) -> Path:
    """Return the path of a config.

    Args:
        name: its path, or its name without ``.py``, such as ``stage3_toy-slt_pose``. A name of the model zoo is the
            package's own config, since a config is code. Others are looked up below ``configs/`` in the working
            directory, then in the checkout or installed package.

    Raises:
        DataError: if nothing is called so; it lists the nearest names.
    """
    if Path(name).suffix == '.py':
        return Path(name)  # whether it exists is told when it is read
    if is_zoo_name(str(name)):
        return zoo_model(str(name)).config
    if Path(name).is_file():
        return Path(name)
    known: dict[str, Path] = {}
    for folder in (Path('configs'), package_root() / 'configs'):
        for path in sorted(folder.rglob('*.py')) if folder.is_dir() else ():
            if '_base_' not in path.parts:
                known.setdefault(path.stem, path)
    if str(name) in known:
        return known[str(name)]
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f'Did you mean {" or ".join(near)}?' if near else 'Give the path of a config file (.py).'
    raise DataError(name, 'is no config in configs/, by name.', hint)
