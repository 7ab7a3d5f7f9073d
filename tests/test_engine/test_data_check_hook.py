from collections import Counter
from types import SimpleNamespace

import pytest
from torch.utils.data import ConcatDataset

from unisign.datasets import Annotation, SignDataset, write_annotations
from unisign.datasets.sign_dataset import DatasetOverview
from unisign.engine.hooks import DataCheckHook
from unisign.models.heads.closed_vocabulary import ClosedVocabulary
from unisign.structures import DataError


def dataset(path, *clips, task='islr', **arguments):
    write_annotations(path, [Annotation(f'c{i}', poses='x.npz', **clip) for i, clip in enumerate(clips)])
    return SignDataset(str(path), task, [], **arguments)


def test_an_overview_counts_targets_and_names_the_first_clip_of_each_language(tmp_path):
    clips = [dict(text='book', lang='zh'), dict(text='tea'), dict(text='book'), dict(gloss=('A', 'B'))]
    found = dataset(tmp_path / 'a.jsonl', *clips, lang='en', test_mode=True).overview()
    expected = DatasetOverview(tmp_path / 'a.jsonl', 'islr', {'zh': 'c0', 'en': 'c1'}, Counter(book=2, tea=1))
    assert found == expected


class Model:
    def __init__(self):
        self.seen = []

    def check_dataset(self, overview, training):
        self.seen.append((overview.source.name, training))
        return [f'look at {overview.source.name}']


def test_the_model_sees_every_dataset_inside_wrappers_before_the_run(tmp_path):
    sets = [dataset(tmp_path / f'{name}.jsonl', dict(text='tea', lang='en')) for name in 'abc']
    model, warnings = Model(), []
    runner = SimpleNamespace(
        model=model,
        logger=SimpleNamespace(warning=warnings.append),
        train_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=ConcatDataset(sets[:2]))),
        val_loop=SimpleNamespace(dataloader=SimpleNamespace(dataset=sets[2])),
    )
    DataCheckHook().before_train(runner)
    assert model.seen == [('a.jsonl', True), ('b.jsonl', True), ('c.jsonl', False)]
    assert warnings == ['look at a.jsonl', 'look at b.jsonl', 'look at c.jsonl']
    runner.test_loop = runner.val_loop
    DataCheckHook().before_test(runner)
    assert model.seen[-1] == ('c.jsonl', False)


@pytest.fixture
def vocabulary():
    codec = SimpleNamespace(target_ids=lambda text: [*text.encode(), 1])
    return ClosedVocabulary(['book', 'tea'], codec, 0, source='labels.txt')


def test_labels_that_cannot_be_answered_stop_training_and_are_named_in_a_test(vocabulary):
    targets = Counter(book=3, Tea=2, 日=1)
    with pytest.raises(DataError, match=r"train\.jsonl: 3 clips have labels .* labels\.txt: 'Tea', '日'\. Add"):
        vocabulary.check_targets(targets, 'train.jsonl', training=True)
    (line,) = vocabulary.check_targets(targets, 'test.jsonl', training=False)
    assert line.startswith("test.jsonl: 3 clips have labels that are not in labels.txt: 'Tea', '日'.")
    assert vocabulary.check_targets(Counter(book=3), 'train.jsonl', training=True) == []
    with pytest.raises(DataError, match='2 clips'):
        vocabulary.check_targets(Counter(Tea=2), 'test.jsonl', training=False)


def test_a_test_set_without_labels_is_fine(vocabulary):
    assert vocabulary.check_targets(Counter(), 'test.jsonl', training=False) == []
