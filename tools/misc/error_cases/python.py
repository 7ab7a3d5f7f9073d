"""The same from Python: ``init_model``, ``load_weights``, ``translate_poses``."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from error_cases.bench import Bench, Row
from unisign.apis import init_model, translate_poses
from unisign.checkpoints import load_weights


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases; the files are those that the cases before them made."""
    config, folder = bench.config(), bench.folder
    model = init_model(config, bench.trained / 'checkpoints/epoch_1.pth', device='cpu')
    clip = bench.poses()
    pixels = replace(clip, keypoints=clip.keypoints * np.float32([640, 480]))
    cases: dict[str, Callable[[], Any]] = {
        '`init_model`: the config is missing': lambda: init_model(folder / 'confg.py'),
        '`init_model`: an unknown type': lambda: init_model(bench.write('new.py', "model = dict(type='UniSing')\n")),
        '`init_model`: the checkpoint is missing': lambda: init_model(config, folder / 'epoch_20.pth'),
        '`init_model`: the checkpoint wants to run code': lambda: init_model(config, folder / 'code.pth'),
        '`load_weights`: weights of another name': lambda: load_weights(model, folder / 'renamed.pth'),
        '`load_weights`: a weight of another shape': lambda: load_weights(model, folder / 'shape.pth', strict=False),
        '`load_weights`: weights with NaN': lambda: load_weights(model, folder / 'nan.pth'),
        '`translate_poses`: the pose file is missing': lambda: translate_poses(model, folder / 'gone.pkl', lang='en'),
        '`translate_poses`: pixel coordinates': lambda: translate_poses(model, pixels, lang='en'),
        '`translate_poses`: no language': lambda: translate_poses(model, clip),
        '`translate_poses`: an unknown language': lambda: translate_poses(model, clip, lang='xx'),
    }
    for wrong, call in cases.items():
        attempt = bench.attempt(call)
        yield Row('From Python', wrong, attempt.message, 'The call raises it.' if attempt.message else 'Nothing.')
