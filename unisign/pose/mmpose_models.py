"""Models of mmpose and mmdet by name: their configs, which the packages carry, and their published weights."""

from pathlib import Path

import yaml

from unisign.optional import import_extra
from unisign.structures import DataError

SHORT_NAMES = {
    'rtmpose-x': 'rtmpose-x_8xb32-270e_coco-wholebody-384x288',
    'rtmpose-l': 'rtmpose-l_8xb32-270e_coco-wholebody-384x288',
    'rtmpose-m': 'rtmpose-m_8xb64-270e_coco-wholebody-256x192',
    'rtmw-x': 'rtmw-x_8xb320-270e_cocktail14-384x288',
    'rtmw-l': 'rtmw-l_8xb320-270e_cocktail14-384x288',
    'rtmdet-tiny': 'rtmdet_tiny_8xb32-300e_coco',
    'rtmdet-m': 'rtmdet_m_8xb32-300e_coco',
    'rtmdet-l': 'rtmdet_l_8xb32-300e_coco',
}
# Published, but not named in the package's own lists.
_WEIGHTS = {
    'rtmpose-x_8xb32-270e_coco-wholebody-384x288': 'https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/'
    'rtmpose-x_simcc-coco-wholebody_pt-body7_270e-384x288-401dfc90_20230629.pth'
}


def config_of(package: str, name: str) -> Path:
    """Return the config ``name`` of a package.

    Args:
        package: ``mmpose`` or ``mmdet``.
        name: a short name from ``SHORT_NAMES``, a config's name without ``.py``, or the path of a config file.

    Raises:
        DataError: if there is none.
        ImportError: if the package is not installed.
    """
    if name.endswith('.py'):
        if not Path(name).is_file():
            raise DataError(name, 'there is no such config.', '')
        return Path(name)
    folder = _folder(package)
    found = sorted(folder.rglob(f'{SHORT_NAMES.get(name, name)}.py'))
    if not found:
        raise DataError(name, f'{package} has no config of this name.', f'Short names: {", ".join(SHORT_NAMES)}.')
    return found[0]


def weights_url(package: str, config: Path) -> str:
    """Return where the published weights of a config are.

    Raises:
        DataError: if the package names none.
    """
    if config.stem in _WEIGHTS:
        return _WEIGHTS[config.stem]
    for listing in sorted(config.parent.glob('*.yml')):
        for model in (yaml.safe_load(listing.read_text(encoding='utf-8')) or {}).get('Models', []):
            if Path(model.get('Config', '')).stem == config.stem and model.get('Weights'):
                return model['Weights']
    raise DataError(config, f'{package} names no published weights for it.', 'Give a file of weights.')


def _folder(package: str) -> Path:
    return Path(str(import_extra(package, 'MMPoseEstimator').__file__)).parent / '.mim' / 'configs'
