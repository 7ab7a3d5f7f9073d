"""LoRA, frozen parts, averaged weights, early stopping and rates by layer, wrongly set."""

from collections.abc import Iterator
from typing import Any

from error_cases.bench import Bench, Row

GROUP = 'Fine-tuning helps'
LORA = {'model.head.lora.r': 2}


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    cases: dict[str, dict[str, Any]] = {
        'A frozen part that is not there': {'model.frozen': ['pose_encodr']},
        'All is frozen': {'model.frozen': ['*']},
        'LoRA: an unknown key': {'model.head.lora': {'rank': 8}},
        'LoRA: a rank of 0': {'model.head.lora.r': 0},
        'LoRA: a layer that is not there': {'model.head.lora.target_modules': ['query']},
        'A `layer_decay` of 0': {'optim_wrapper.paramwise_cfg': {'layer_decay': 0}},
        'An `lr_mult` that fits nothing': {'optim_wrapper.paramwise_cfg': {'lr_mult': {'hed': 0.1}}},
        'Early stopping on test': {'custom_hooks': [{'type': 'EarlyStoppingHook', 'monitor': 'test/bleu4'}]},
    }
    for wrong, options in cases.items():
        attempt = bench.train(options)
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)
    yield from _adapters(bench)


def _adapters(bench: Bench) -> Iterator[Row]:
    plain, work_dir = bench.trained / 'checkpoints/epoch_1.pth', bench.work_dir()
    bench.train(LORA, work_dir=work_dir)
    adapters = work_dir / 'checkpoints/epoch_1.pth'
    attempt = bench.test(adapters)
    yield Row(GROUP, 'LoRA: a checkpoint with adapters, a config without', attempt.message, attempt.outcome)
    attempt = bench.test(plain, LORA)
    yield Row(GROUP, 'LoRA: a test with adapters that the checkpoint lacks', attempt.message, attempt.outcome)
    averages = {'custom_hooks': [{'type': 'EMAHook'}]}
    attempt = bench.train(averages, work_dir=bench.trained, resume='auto')
    yield Row(GROUP, '`--resume` with averaged weights, of a run without', attempt.message, attempt.outcome)
    config, out = bench.config(), bench.folder / 'merged.pth'
    attempt = bench.tool('models/merge_adapters.py', config, plain, out)
    yield Row(GROUP, 'Merging: a config without adapters', attempt.message, 'Nothing is written.')
    attempt = bench.tool('models/merge_adapters.py', config, plain, out, '--cfg-options', 'model.head.lora.r=2')
    yield Row(GROUP, 'Merging: a checkpoint without adapters', attempt.message, 'Nothing is written.')
    if out.exists():
        raise RuntimeError(f'{out} was written')
