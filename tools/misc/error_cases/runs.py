"""What goes wrong while training."""

from collections.abc import Iterator

from error_cases.bench import Bench, Row

GROUP = 'Training'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    attempt = bench.train({'optim_wrapper.optimizer.lr': 1e30, 'optim_wrapper.clip_grad': None})
    yield Row(GROUP, 'The loss is not finite (here: a learning rate of 1e30)', attempt.message, attempt.outcome)
