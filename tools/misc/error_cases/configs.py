"""Configs that are missing or wrong."""

from collections.abc import Iterator

from error_cases.bench import Bench, Row

GROUP = 'Config'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    bench.config()
    files = {
        'The file is missing': bench.folder / 'confg.py',
        'A base is missing': bench.write('based.py', "_base_ = './gone.py'\n"),
        'A syntax error': bench.write('typo.py', "model = dict(type='UniSign'\ntrain_cfg = dict(\n"),
        'It has no training data': bench.write('testing.py', "model = dict(type='UniSign')\n"),
    }
    for wrong, path in files.items():
        attempt = bench.train(config=path)
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)
    options = {
        'An unknown type': {'model.type': 'UniSing'},
        'An argument that the class does not take': {'train_dataloader.dataset.pose_folder': 'poses'},
        'An argument of the data loader that does not exist': {'train_dataloader.batchsize': 4},
        'An entry in `--cfg-options` that the config does not have': {'default_hook.checkpoint.interval': 2},
        'The best checkpoint would be chosen on test': {'default_hooks.checkpoint.save_best': 'test/top1_per_instance'},
        'A warm-up that is longer than the run': {'param_scheduler.warmup_steps': 500},
        'An unknown task': {'train_dataloader.dataset.task': 'isrl'},
        'Widths that do not fit together': {'model.pose_encoder.out_channels': 96},
    }
    for wrong, changes in options.items():
        attempt = bench.train(changes)
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)
