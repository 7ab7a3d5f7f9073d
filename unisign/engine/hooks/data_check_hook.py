"""What the model cannot take in the data is found before the first batch, not in the middle of an epoch."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch.utils.data import DataLoader

from unisign.datasets.concat_sign_dataset import single_datasets
from unisign.registry import HOOKS


@HOOKS.register_module()
class DataCheckHook(Hook):
    """Shows every dataset to the model before the first batch.

    A model with ``check_dataset(overview, training)`` gets what ``dataset.overview()`` returns, for each dataset that
    has one; it raises ``DataError`` for what it cannot work with, and returns lines for the log on what looks wrong.
    """

    def before_train(self, runner: Any) -> None:
        """Check training and validation data."""
        self._check(runner, runner.train_loop.dataloader, training=True)
        if runner.val_loop is not None:
            self._check(runner, runner.val_loop.dataloader, training=False)

    def before_test(self, runner: Any) -> None:
        """Check test data."""
        self._check(runner, runner.test_loop.dataloader, training=False)

    def _check(self, runner: Any, loader: DataLoader, training: bool) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not hasattr(model, 'check_dataset'):
            return
        for dataset in single_datasets(loader.dataset):
            if hasattr(dataset, 'overview'):
                for line in model.check_dataset(dataset.overview(), training):
                    runner.logger.warning(line)
