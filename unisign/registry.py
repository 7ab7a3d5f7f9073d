"""All registries of unisign: children of MMEngine's, in the scope ``unisign``.

Each registry imports its ``locations`` on first use, so a config's ``type`` names work without an import by hand.
MMEngine's own look-up falls back to importing any Python module of the unknown name; ours stops and lists the
nearest registered names instead.
"""

import difflib
import importlib
import importlib.util
from typing import Any

from mmengine.registry import DATA_SAMPLERS as MMENGINE_DATA_SAMPLERS
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from mmengine.registry import EVALUATOR as MMENGINE_EVALUATOR
from mmengine.registry import FUNCTIONS as MMENGINE_FUNCTIONS
from mmengine.registry import HOOKS as MMENGINE_HOOKS
from mmengine.registry import LOG_PROCESSORS as MMENGINE_LOG_PROCESSORS
from mmengine.registry import LOOPS as MMENGINE_LOOPS
from mmengine.registry import METRICS as MMENGINE_METRICS
from mmengine.registry import MODEL_WRAPPERS as MMENGINE_MODEL_WRAPPERS
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as MMENGINE_OPTIM_CONSTRUCTORS
from mmengine.registry import OPTIM_WRAPPERS as MMENGINE_OPTIM_WRAPPERS
from mmengine.registry import OPTIMIZERS as MMENGINE_OPTIMIZERS
from mmengine.registry import PARAM_SCHEDULERS as MMENGINE_PARAM_SCHEDULERS
from mmengine.registry import RUNNERS as MMENGINE_RUNNERS
from mmengine.registry import TRANSFORMS as MMENGINE_TRANSFORMS
from mmengine.registry import VISBACKENDS as MMENGINE_VISBACKENDS
from mmengine.registry import VISUALIZERS as MMENGINE_VISUALIZERS
from mmengine.registry import Registry

SCOPE = 'unisign'
# Libraries that come with the pose extra.
POSE_EXTRA = ('mmcv', 'mmdet', 'mmpose')
INSTALL_POSE = 'bash tools/install_pose.sh'


class SignRegistry(Registry):
    """A registry that never guesses: an unknown name is an error that lists the nearest known ones."""

    def get(self, key: str) -> Any:
        """Return the class registered as ``key``, from here, from MMEngine's registry, or from ``scope.key``.

        Raises:
            KeyError: if nothing of that name is registered, or the package ``scope`` cannot be imported.
        """
        scope, name = self.split_scope_key(key)
        if scope not in (None, '', SCOPE, 'mmengine'):
            return self._get_from_library(scope, key)
        registry = self
        while registry is not None:
            registry.import_from_location()
            if name in registry.module_dict and not (scope == 'mmengine' and registry is self):
                return registry.module_dict[name]
            registry = registry.parent
        raise KeyError(self._unknown(key))

    def _get_from_library(self, scope: str, key: str) -> Any:
        """Return the class that another library of the OpenMMLab family, named on purpose, registered."""
        libraries = self._get_root_registry().children
        if scope not in libraries:
            try:
                importlib.import_module(f'{scope}.registry')
            except Exception as error:  # these libraries check versions at import, in their own ways
                problem = _problem_of_library(scope, error)
                raise KeyError(f'type {key!r} is part of the package {scope}, which {problem}') from error
        name = key.partition('.')[2]
        if scope in libraries:
            libraries[scope].import_from_location()
            if name in libraries[scope].module_dict:
                return libraries[scope].module_dict[name]
        raise KeyError(f'type {key!r} is not registered: {scope} has no {self.name!r} of that name.')

    def _unknown(self, key: str) -> str:
        known = sorted(set(self.module_dict) | set(self.parent.module_dict if self.parent else ()))
        near = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
        hint = f'did you mean {", ".join(map(repr, near))}?' if near else f'known names: {", ".join(known)}.'
        return (
            f'{key!r} is not registered in {self.name!r}; {hint} '
            'A module of your own must be imported first: name its file in custom_imports.'
        )


def _problem_of_library(scope: str, error: Exception) -> str:
    """Return why ``scope.registry`` cannot be imported, and what to do."""
    if importlib.util.find_spec(scope) is None:
        state = 'is not installed'
    elif isinstance(error, ModuleNotFoundError) and error.name == f'{scope}.registry':
        return 'has no registry of its own; choose a type of ours, or of a library that has one, such as mmpose.ResNet.'
    else:
        state = f'cannot be imported ({type(error).__name__}: {error})'
    advice = f'run {INSTALL_POSE}' if scope in POSE_EXTRA else 'install it with what it needs itself'
    return f'{state}; {advice}, or choose a type of ours.'


def _child(name: str, parent: Registry | None, *locations: str) -> SignRegistry:
    return SignRegistry(name, parent=parent, scope=SCOPE, locations=list(locations))


# Networks, heads, necks, losses, data preprocessors.
MODELS = _child('model', MMENGINE_MODELS, 'mmengine.model', 'unisign.models')
# Wrappers for distributed training.
MODEL_WRAPPERS = _child('model_wrapper', MMENGINE_MODEL_WRAPPERS, 'mmengine.model', 'unisign.engine')
# Datasets over annotation files.
DATASETS = _child('dataset', MMENGINE_DATASETS, 'mmengine.dataset', 'unisign.datasets')
# Steps of a data pipeline.
TRANSFORMS = _child('transform', MMENGINE_TRANSFORMS, 'unisign.datasets')
# Samplers and batch samplers of data loaders.
DATA_SAMPLERS = _child('data sampler', MMENGINE_DATA_SAMPLERS, 'mmengine.dataset', 'unisign.datasets')
# Collate functions and worker initialisers.
FUNCTIONS = _child('function', MMENGINE_FUNCTIONS, 'mmengine.dataset', 'unisign.datasets')
# Poses and crops on disk.
POSE_STORES = _child('pose store', None, 'unisign.stores')
# Which frames of a clip are read.
FRAME_SAMPLERS = _child('frame sampler', None, 'unisign.frame_samplers')
# Frames out of video files and folders of images.
VIDEO_READERS = _child('video reader', None, 'unisign.datasets')
# Keypoint estimators: frames in, poses out.
POSE_ESTIMATORS = _child('pose estimator', None, 'unisign.pose')
# Scores over a data loader.
METRICS = _child('metric', MMENGINE_METRICS, 'mmengine.evaluator', 'unisign.evaluation')
# Groups of metrics.
EVALUATOR = _child('evaluator', MMENGINE_EVALUATOR, 'mmengine.evaluator', 'unisign.evaluation')
# What happens around training and test steps.
HOOKS = _child('hook', MMENGINE_HOOKS, 'mmengine.hooks', 'unisign.engine')
# Training, validation and test loops.
LOOPS = _child('loop', MMENGINE_LOOPS, 'mmengine.runner', 'unisign.engine')
# Runners: they assemble all of this from a config.
RUNNERS = _child('runner', MMENGINE_RUNNERS, 'mmengine.runner', 'unisign.engine')
# Which parameters are optimised, and how.
OPTIM_WRAPPER_CONSTRUCTORS = _child(
    'optimizer wrapper constructor', MMENGINE_OPTIM_CONSTRUCTORS, 'mmengine.optim', 'unisign.engine'
)
# Learning-rate schedules.
PARAM_SCHEDULERS = _child('parameter scheduler', MMENGINE_PARAM_SCHEDULERS, 'mmengine.optim', 'unisign.engine')
# Drawing to files and TensorBoard.
VISUALIZERS = _child('visualizer', MMENGINE_VISUALIZERS, 'mmengine.visualization', 'unisign.visualization')
# Nothing of ours goes into these; without them MMEngine warns at every start that it knows none in our scope.
OPTIMIZERS = _child('optimizer', MMENGINE_OPTIMIZERS, 'mmengine.optim')
OPTIM_WRAPPERS = _child('optimizer wrapper', MMENGINE_OPTIM_WRAPPERS, 'mmengine.optim')
LOG_PROCESSORS = _child('log processor', MMENGINE_LOG_PROCESSORS, 'mmengine.runner')
VISBACKENDS = _child('visualizer backend', MMENGINE_VISBACKENDS, 'mmengine.visualization')
