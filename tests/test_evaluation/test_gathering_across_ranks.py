"""Two processes evaluate one set: every clip counts once, whatever each of them holds."""

import json
import multiprocessing
import socket
from pathlib import Path

import pytest

from unisign.evaluation import DumpPredictions, ISLRMetric, TextMetric
from unisign.structures import DataError

ONE_SIDED = [[('3', 'a'), ('1', 'a'), ('2', 'x')], []]
REPEATED = [[('1', 'a'), ('2', 'x')], [('3', 'a'), ('1', 'a')]]  # clip 1 on both ranks, as a padding sampler does
ACCURACY = {'dev/top1_per_instance': pytest.approx(200 / 3), 'dev/top1_per_class': pytest.approx(200 / 3)}


def evaluate(metric: TextMetric, shard: list[tuple[str, str]], size: int) -> dict | str:
    meta = {'dataset': 'toy', 'task': 'islr', 'lang': 'en', 'gt_text': 'a', 'pred_score': 0.5, 'nbest': []}
    metric.process(None, [{'clip_id': clip_id, 'pred_text': pred, **meta} for clip_id, pred in shard])
    try:
        return metric.evaluate(size)
    except (DataError, OSError) as error:
        return f'{type(error).__name__}: {error}'


def run_rank(rank: int, port: int, folder: Path) -> None:
    import torch.distributed as dist

    dist.init_process_group('gloo', init_method=f'tcp://127.0.0.1:{port}', rank=rank, world_size=2)
    occupied = folder / 'occupied'
    if rank == 0:
        occupied.touch()
    results = {
        'first_has_all': evaluate(ISLRMetric('dev'), ONE_SIDED[rank], 3),
        'second_has_all': evaluate(ISLRMetric('dev'), ONE_SIDED[1 - rank], 3),
        'repeated': evaluate(ISLRMetric('dev'), REPEATED[rank], 3),
        'lost': evaluate(ISLRMetric('dev'), REPEATED[rank], 4),
        'none': evaluate(ISLRMetric('dev'), [], 3),
        'dump_one_sided': evaluate(DumpPredictions(str(folder / 'one_sided.jsonl')), ONE_SIDED[rank], 3),
        'dump_repeated': evaluate(DumpPredictions(str(folder / 'repeated.jsonl')), REPEATED[rank], 3),
        'dump_fails': evaluate(DumpPredictions(str(occupied / 'preds.jsonl')), REPEATED[rank], 3),
    }
    (folder / f'results_{rank}.json').write_text(json.dumps(results))
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('ranks')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context('spawn')
    ranks = [context.Process(target=run_rank, args=(rank, port, folder)) for rank in range(2)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join(timeout=120)
        process.kill()
    assert [process.exitcode for process in ranks] == [0, 0]
    return folder


def test_scores_are_exact_and_the_same_on_both_ranks(folder):
    first, second = (json.loads((folder / f'results_{rank}.json').read_text()) for rank in range(2))
    for case in ('first_has_all', 'second_has_all', 'repeated'):
        assert first[case] == second[case] == ACCURACY, case
    assert first['lost'] == 'DataError: dev set: 3 distinct clips were predicted, the dataset holds 4. ' + (
        'Clip ids must be unique within a dataset, and the sampler must give every clip to one rank.'
    )
    assert '0 distinct clips were predicted, the dataset holds 3' in first['none']
    for case in ('lost', 'none'):
        assert second[case].startswith('DataError: dev set: rank 0 could not score it: dev set: ')


def test_predictions_file_does_not_depend_on_the_sharding(folder):
    lines = [json.loads(line) for line in (folder / 'repeated.jsonl').read_text().splitlines()]
    assert [(line['id'], line['pred']) for line in lines] == [('1', 'a'), ('2', 'x'), ('3', 'a')]
    assert (folder / 'repeated.jsonl').read_bytes() == (folder / 'one_sided.jsonl').read_bytes()


def test_an_error_of_rank_0_reaches_every_rank(folder):
    first, second = (json.loads((folder / f'results_{rank}.json').read_text()) for rank in range(2))
    assert first['dump_one_sided'] == first['dump_repeated'] == second['dump_repeated'] == {}
    assert first['dump_fails'].split(':')[0] in ('FileExistsError', 'NotADirectoryError')
    assert second['dump_fails'].startswith('DataError: predictions set: rank 0 could not score it: ')
