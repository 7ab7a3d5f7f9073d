"""Several datasets in one run, wrongly put together."""

from collections.abc import Iterator
from typing import Any

from error_cases.bench import Bench, Row

GROUP = 'Several datasets'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    cases: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        'Two datasets with one name': ({'name': 'first'}, {}),
        'Weights for another number of datasets': ({}, {'weights': [1, 2, 3]}),
        'A weight of 0': ({}, {'weights': [1, 0]}),
        'Weights and a temperature': ({}, {'weights': [1, 2], 'temperature': 2.0}),
        'An epoch too small for one of them': ({}, {'weights': [1, 1000], 'epoch_size': 24}),
        'A language that none of the clips is in': ({'languages': ['de']}, {}),
        'More bad clips in one of them than it allows': ({'ann_file': str(_bad_list(bench))}, {}),
    }
    for wrong, (changes, mixture) in cases.items():
        attempt = bench.train(config=bench.config(train_dataloader=_loader(bench, changes, mixture)))
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)
    attempt = bench.train({'train_dataloader.sampler.type': 'MixtureSampler'})
    yield Row(GROUP, '`MixtureSampler` over a single dataset', attempt.message, attempt.outcome)


def _bad_list(bench: Bench) -> Any:
    clips = [bench.clip(i, poses='gone.pkl' if i < 2 else None) for i in range(12)]
    sound = [bench.clip(i) for i in range(2, 12)]
    return bench.write_clips('other.jsonl', [*clips[:2], *sound])


def _loader(bench: Bench, changes: dict[str, Any], mixture: dict[str, Any]) -> dict[str, Any]:
    pipeline = [dict(type=name) for name in ('LoadPoses', 'NormalizeParts', 'PackSignInputs')]
    ann_file = str(bench.toy / 'annotations/islr_train.jsonl')
    first = dict(type='SignDataset', task='islr', ann_file=ann_file, pipeline=pipeline, name='first')
    second = dict(first, name='second') | changes
    return dict(
        _delete_=True,
        batch_size=12,
        num_workers=0,
        sampler=dict(type='MixtureSampler', **mixture),
        batch_sampler=dict(type='LengthBucketBatchSampler'),
        collate_fn=dict(type='sign_collate'),
        dataset=dict(type='ConcatSignDataset', datasets=[first, second]),
    )
