"""Names of the model zoo: unknown ones, and weights that cannot be had."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from huggingface_hub import constants
from huggingface_hub.utils import reset_sessions

from error_cases.bench import BEFORE, Bench, Row
from unisign.apis import init_model
from unisign.checkpoints.zoo import zoo_model

GROUP = 'Names of the model zoo'
NAME = 'stage3_wlasl_pose'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases; the only address that is tried is a closed port of this machine."""
    with _no_network(bench):
        cases: dict[str, tuple[str, ...]] = {
            'No name of the zoo': ('stage3_wlasl_pos',),
            'No published weights are known': ('stage1_youtube-asl_pose',),
            'No network': (NAME,),
            'No network allowed, and the weights are not there': (NAME, '--offline'),
        }
        for wrong, arguments in cases.items():
            attempt = bench.tool('models/download.py', *arguments)
            message = attempt.message[attempt.message.find('DataError: ') :]  # behind the licence
            yield Row(GROUP, f'{wrong} (`tools/models/download.py`)', message, 'Nothing is written.')
        weights = zoo_model(NAME).weights
        assert weights is not None
        bench.write(f'cache/zoo/{weights.file_name}', 'Weights: ask Anna.\n')
        attempt = bench.tool('models/download.py', NAME)
        yield Row(GROUP, 'Another file lies there (`tools/models/download.py`)', attempt.message, 'It stays there.')
        attempt = bench.attempt(lambda: init_model(bench.config(), 'stage3_wlasl_pos', device='cpu'))
        yield Row(GROUP, '`init_model`: the checkpoint is no file and no name', attempt.message, BEFORE)


@contextmanager
def _no_network(bench: Bench) -> Iterator[None]:
    """Let the hub be a closed port of this machine, and the cache one that nobody filled."""
    variables = dict(UNISIGN_CACHE=str(bench.folder / 'cache'), HF_ENDPOINT='http://127.0.0.1:9', HF_HUB_OFFLINE='0')
    with mock.patch.dict(os.environ, {**variables, 'no_proxy': '127.0.0.1'}):
        with mock.patch.object(constants, 'HF_HUB_OFFLINE', False):  # read when it was imported
            reset_sessions()
            yield
        reset_sessions()
