"""The MMEngine metrics: what they keep, how they gather, what they write."""

import json
import math
import sys
import types

import pytest
import torch
from mmengine.evaluator import Evaluator

from unisign.evaluation import CSLRMetric, DumpPredictions, ISLRMetric, Prediction, SLTMetric, write_predictions
from unisign.evaluation.metrics import from_data_sample
from unisign.registry import METRICS
from unisign.structures import DataError, SignDataSample


def sample(clip_id, pred, ref, task='islr', lang='en', **values):
    meta = {'clip_id': clip_id, 'task': task, 'lang': lang, 'num_frames': 9, 'dataset': values.pop('dataset', 'toy')}
    if 'failure' in values:
        meta['failure'] = values.pop('failure')
    data = SignDataSample(metainfo=meta)
    data.gt_text = ref
    data.pred_text, data.pred_score, data.nbest = pred, values.pop('score', 0.5), values.pop('nbest', [])
    return data


def evaluate(metric, samples, size=None):
    evaluator = Evaluator(metric)
    for start in range(0, len(samples), 2):
        evaluator.process(samples[start : start + 2])
    return evaluator.evaluate(len(samples) if size is None else size)


def test_islr_metric_with_and_without_nbest():
    samples = [
        sample('1', 'a', 'a', nbest=[['a', 0.6], ['b', 0.4]]),
        sample('2', 'a', 'b', nbest=[['a', 0.7], ['b', 0.3]]),
        sample('3', '', 'c', failure='cannot be read'),
    ]
    expected = {
        'dev/top1_per_instance': 100 / 3,
        'dev/top1_per_class': 100 / 3,
        'dev/top5_per_instance': 200 / 3,
        'dev/top5_per_class': 200 / 3,
    }
    assert evaluate(ISLRMetric(prefix='dev'), samples) == pytest.approx(expected)
    plain = evaluate(ISLRMetric(prefix='test'), [sample('1', 'a', 'a')])
    assert plain == {'test/top1_per_instance': 100.0, 'test/top1_per_class': 100.0}


def test_a_failed_clip_is_wrong_whatever_text_it_carries():
    assert evaluate(ISLRMetric('dev'), [sample('1', 'a', 'a', failure='no file')])['dev/top1_per_instance'] == 0.0


def test_cslr_and_slt_metrics_on_a_set_of_mixed_tasks():
    samples = [
        sample('1', 'a x', 'a b', task='cslr'),
        sample('2', 'c d', 'c d', task='cslr'),
        sample('3', '我想吃面条', '我想吃面条', task='slt', lang='zh'),
    ]
    assert evaluate(CSLRMetric('dev'), samples)['dev/wer_jiwer'] == 25.0
    scores = evaluate(SLTMetric('dev'), samples)
    assert scores['dev/bleu4'] == pytest.approx(100.0)
    assert set(scores) == {f'dev/{name}' for name in ('bleu1', 'bleu2', 'bleu3', 'bleu4', 'rouge_l', 'chrf')}
    with pytest.raises(DataError, match=r"none of the 3 clips is of task 'islr' \(found: cslr, slt\)"):
        evaluate(ISLRMetric('dev'), samples)


def test_each_dataset_is_scored_for_itself_by_the_rule_of_its_language():
    samples = [
        # Chinese by characters: 3 of 4 are right, the reference has 5. As words, nothing would be right.
        sample('1', '我想吃饭', '我想吃面条', task='slt', lang='zh', dataset='csl-news'),
        # English by words: 3 of 3 are right, the reference has 5. The ids may be the same.
        sample('1', 'my friend reads', 'my friend reads a book', task='slt', lang='en', dataset='youtube-asl'),
    ]
    scores = evaluate(SLTMetric('dev'), samples)
    chinese, english = 100 * math.exp(1 - 5 / 4) * 3 / 4, 100 * math.exp(1 - 5 / 3)
    both = 100 * math.exp(1 - 10 / 7) * 6 / 7
    assert scores['dev/bleu1'] == pytest.approx(both)
    assert scores['dev/csl-news/bleu1'] == pytest.approx(chinese)
    assert scores['dev/youtube-asl/bleu1'] == pytest.approx(english)
    assert scores['dev/bleu1_zh'] == scores['dev/csl-news/bleu1']
    names = ('bleu1', 'bleu2', 'bleu3', 'bleu4', 'rouge_l', 'chrf')
    per_dataset = {f'dev/{dataset}/{name}' for dataset in ('csl-news', 'youtube-asl') for name in names}
    assert {name for name in scores if name.count('/') == 2} == per_dataset


def test_datasets_of_different_tasks_and_other_metrics():
    samples = [
        sample('1', 'a', 'a', dataset='words'),
        sample('2', 'b', 'c', dataset='words'),
        sample('1', 'c', 'c', dataset='signs'),
        sample('1', 'a x', 'a b', task='cslr', dataset='glosses'),
    ]
    assert evaluate(ISLRMetric('dev'), samples) == pytest.approx({
        'dev/top1_per_instance': 200 / 3,
        'dev/top1_per_class': 75.0,  # a: 1 of 1, c: 1 of 2
        'dev/words/top1_per_instance': 50.0,
        'dev/words/top1_per_class': 50.0,
        'dev/signs/top1_per_instance': 100.0,
        'dev/signs/top1_per_class': 100.0,
    })  # fmt: skip
    # One dataset of that task: nothing to tell apart.
    assert evaluate(CSLRMetric('dev'), samples)['dev/wer'] == 50.0
    assert not [name for name in evaluate(CSLRMetric('dev'), samples) if 'glosses' in name]


def test_metrics_are_built_by_name_and_start_empty_each_time():
    metric = METRICS.build({'type': 'CSLRMetric', 'prefix': 'dev'})
    for pred, wer in (('a b', 0.0), ('a', 50.0)):
        assert evaluate(metric, [sample('1', pred, 'a b', task='cslr')])['dev/wer'] == wer


def test_clips_count_once_and_none_may_be_lost():
    twice = [sample('1', 'a', 'a'), sample('1', 'a', 'a'), sample('2', 'x', 'b')]
    assert evaluate(ISLRMetric('dev'), twice, size=2)['dev/top1_per_instance'] == 50.0
    same_id = [sample('1', 'a', 'a', dataset='one'), sample('1', 'x', 'a', dataset='two')]
    assert evaluate(ISLRMetric('dev'), same_id)['dev/top1_per_instance'] == 50.0
    metric = ISLRMetric('dev')
    with pytest.raises(DataError, match=r'dev set: 2 distinct clips were predicted, the dataset holds 3\. '):
        evaluate(metric, twice, size=3)
    metric.dataset_meta = {'clip_ids': ['1', '2', '7']}
    with pytest.raises(DataError, match=r'the dataset holds 3\. Lost: 7\.'):
        evaluate(metric, twice, size=3)
    with pytest.raises(DataError, match='test set: the dataset holds no clips'):
        evaluate(ISLRMetric('test'), [], size=0)


def test_samples_that_are_not_predictions():
    with pytest.raises(DataError, match='clip 1: the model returned no pred_text'):
        from_data_sample({'clip_id': '1'})
    with pytest.raises(DataError, match='without clip_id'):
        from_data_sample({'pred_text': 'a'})


def test_translation_needs_a_language():
    with pytest.raises(DataError, match='clip 1: 1 of 1 predictions do not say in which language'):
        evaluate(SLTMetric('dev'), [sample('1', 'a', 'a', task='slt', lang=None)])


def test_dump_predictions(tmp_path):
    out = tmp_path / 'deep' / 'preds.jsonl'
    samples = [
        sample('b', '饭', '面', score=torch.tensor(0.25), nbest=[['饭', torch.tensor(0.25)], ['面', float('nan')]]),
        sample('a', '', 'x', failure='clip a: truncated'),
    ]
    assert evaluate(DumpPredictions(str(out)), samples) == {}
    lines = [json.loads(line) for line in out.read_text(encoding='utf-8').splitlines()]
    common = {'task': 'islr', 'lang': 'en', 'dataset': 'toy'}
    assert lines == [
        {'id': 'a', 'pred': '', 'ref': 'x', 'score': 0.0, 'nbest': [], **common, 'failure': 'clip a: truncated'},
        {'id': 'b', 'pred': '饭', 'ref': '面', 'score': 0.25, 'nbest': [['饭', 0.25], ['面', None]], **common},
    ]
    assert [path.name for path in out.parent.iterdir()] == ['preds.jsonl']


def test_predictions_file_is_complete_or_untouched(tmp_path):
    out = tmp_path / 'preds.jsonl'
    write_predictions(out, [Prediction('1', 'a', 'a')])
    before = out.read_bytes()

    def broken():
        yield Prediction('2', 'b', 'b')
        raise RuntimeError('disk full')

    with pytest.raises(RuntimeError, match='disk full'):
        write_predictions(out, broken())
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_bleurt_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'bleurt', None)
    with pytest.raises(ImportError, match='pip install git'):
        METRICS.build({'type': 'BLEURTMetric', 'checkpoint': str(tmp_path), 'prefix': 'dev'})


def test_bleurt_with_a_stand_in(tmp_path, monkeypatch):
    class StandIn:
        def __init__(self, checkpoint):
            self.checkpoint = checkpoint

        def score(self, *, references, candidates, batch_size):
            return [1.0 if pair[0] == pair[1] else 0.5 for pair in zip(references, candidates, strict=True)]

    package = types.ModuleType('bleurt')
    package.score = types.ModuleType('bleurt.score')
    package.score.BleurtScorer = StandIn
    monkeypatch.setitem(sys.modules, 'bleurt', package)
    monkeypatch.setitem(sys.modules, 'bleurt.score', package.score)
    config = {'type': 'BLEURTMetric', 'checkpoint': str(tmp_path), 'prefix': 'dev'}
    with pytest.raises(DataError, match='holds no BLEURT checkpoint'):
        METRICS.build(config)
    (tmp_path / 'bleurt_config.json').touch()
    samples = [sample('1', 'a', 'a', task='slt'), sample('2', 'b', 'a', task='slt')]
    assert evaluate(METRICS.build(config), samples) == {'dev/bleurt': 75.0}
