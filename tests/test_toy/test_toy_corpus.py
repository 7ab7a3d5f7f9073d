"""The toy corpus on disk."""

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from unisign.stores import PackedPoseStore, PoseFiles
from unisign.structures import DataError
from unisign.toy import SIZES, make_toy_corpus
from unisign.toy.camera import FRAME_SIZE
from unisign.toy.clips import detected_poses, film, write_video
from unisign.toy.corpus import CORPUS_VERSION
from unisign.toy.drawing import draw_clip
from unisign.toy.lexicon import GLOSSES
from unisign.toy.splits import ClipPlan, corpus_signers, plan_corpus


@pytest.fixture(scope='module')
def full_plan() -> list[ClipPlan]:
    return plan_corpus(SIZES['full'], 42)


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding='utf-8').splitlines()]


def test_full_plan_is_disjoint_and_large_enough(full_plan: list[ClipPlan]) -> None:
    assert len({plan.clip_id for plan in full_plan}) == len(full_plan)
    by_split = {
        split: [plan for plan in full_plan if plan.split in names]
        for split, names in (('train', ('train', 'extra')), ('dev', ('dev',)), ('test', ('test',)))
    }
    for first, second in (('train', 'dev'), ('train', 'test'), ('dev', 'test')):
        for value in (
            lambda plan: plan.signer.name,
            lambda plan: plan.glosses if plan.task == 'slt' else plan.signer,
            lambda plan: plan.text if plan.task == 'slt' else plan.signer,
        ):
            assert not {value(plan) for plan in by_split[first]} & {value(plan) for plan in by_split[second]}
    train = [plan for plan in full_plan if plan.task == 'slt' and plan.split == 'train']
    assert len({plan.text for plan in train}) == len(train) >= 1600
    counts = Counter(gloss for plan in train for gloss in plan.glosses)
    assert min(counts[gloss] for gloss in GLOSSES) >= 60
    assert 0.45 < np.mean([plan.lang == 'en' for plan in train]) < 0.55


def test_signers_of_both_hands_in_train_and_test() -> None:
    signers = corpus_signers(42)
    assert {split: len(people) for split, people in signers.items()} == {'train': 12, 'dev': 2, 'test': 3}
    for split in ('train', 'test'):
        assert {signer.left_handed for signer in signers[split]} == {True, False}


def test_every_isolated_sign_has_many_signers(full_plan: list[ClipPlan]) -> None:
    signers = {gloss: set() for gloss in GLOSSES}
    for plan in full_plan:
        if plan.task == 'islr' and plan.split == 'train':
            signers[plan.glosses[0]].add(plan.signer.name)
    assert all(len(names) == 12 for names in signers.values())


def test_clips_are_valid_and_short(full_plan: list[ClipPlan]) -> None:
    lengths = {'islr': [], 'slt': []}
    for plan in full_plan[::150]:
        poses = detected_poses(plan, film(plan, 42), 42).validate(plan.clip_id)
        assert poses.scores.min() >= 0 and poses.scores.max() <= 1
        lengths[plan.task].append(len(poses))
    assert min(lengths['islr']) >= 12 and max(lengths['islr']) <= 32
    assert min(lengths['slt']) >= 30 and max(lengths['slt']) <= 100


def test_files(toy_tiny: Path) -> None:
    annotations = toy_tiny / 'annotations'
    names = {f'{task}_{split}' for task in ('islr', 'cslr', 'slt') for split in ('train', 'dev', 'test')}
    assert names | {'pretrain_train', 'pretrain_dev'} <= {path.stem for path in annotations.iterdir()}
    store = PackedPoseStore(toy_tiny / 'poses.lmdb')
    for path in annotations.iterdir():
        for line in read_lines(path):
            assert line['poses'] == f'../poses.lmdb#{line["id"]}'
            assert line['id'] in store
            assert line['lang'] in ('en', 'zh')
    isolated, sentences = (read_lines(annotations / f'{name}.jsonl') for name in ('islr_test', 'slt_test'))
    labels = (toy_tiny / 'labels_islr.txt').read_text(encoding='utf-8').splitlines()
    assert {line['text'] for line in isolated} == set(labels)
    assert read_lines(annotations / 'cslr_test.jsonl') == sentences
    glosses = (toy_tiny / 'glosses.txt').read_text(encoding='utf-8').splitlines()
    assert {gloss for line in sentences for gloss in line['gloss']} <= set(glosses)
    assert (toy_tiny / 'language_model' / 'config.json').is_file()
    assert not list(toy_tiny.parent.glob('*.part'))


def test_poses_come_in_the_published_layout_too(tmp_path: Path, toy_tiny: Path, quick: None) -> None:
    corpus = make_toy_corpus(tmp_path / 'toy', size='tiny', videos='none', pose_format='pickle')
    line = read_lines(corpus / 'annotations' / 'slt_dev.jsonl')[0]
    from_pickle = PoseFiles(corpus / 'annotations').read(line['poses'])
    packed = PackedPoseStore(toy_tiny / 'poses.lmdb').read(line['id'])
    np.testing.assert_array_equal(from_pickle.keypoints, packed.keypoints)
    np.testing.assert_array_equal(from_pickle.scores, packed.scores)
    assert from_pickle.frame_size == FRAME_SIZE


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the language model out: it loads torch and is tested elsewhere."""
    monkeypatch.setattr('unisign.toy.corpus._make_language_model', lambda part, plans: None)


def test_poor_detectors_fail_more_often_and_isolated_clips_can_be_cut_to_the_sign(
    tmp_path: Path, toy_tiny: Path, quick: None
) -> None:
    poor = make_toy_corpus(tmp_path / 'poor', size='tiny', videos='none', detector='poor', margin=2)
    whole = {line['id']: line for line in read_lines(toy_tiny / 'annotations' / 'islr_train.jsonl')}
    for line in read_lines(poor / 'annotations' / 'islr_train.jsonl'):
        frames = len(PackedPoseStore(poor / 'poses.lmdb').read(line['id']))
        assert 0 <= line.pop('start') < line.pop('end') <= frames
        assert line == whole[line['id']]
    assert all('start' not in line for line in read_lines(poor / 'annotations' / 'slt_train.jsonl'))
    errors = {}
    for name in ('usual', 'poor', 'palms'):
        plans = [plan for plan in plan_corpus(SIZES['full'], 42) if plan.glosses == ('FATHER',)][:12]
        views = [film(plan, 42) for plan in plans]
        off = [
            np.linalg.norm(detected_poses(plan, view, 42, name).keypoints - view.points[..., :2] / FRAME_SIZE, axis=-1)
            for plan, view in zip(plans, views, strict=True)
        ]
        errors[name] = np.mean([clip[:, 91:].mean() for clip in off])
    assert 1.3 * errors['usual'] < errors['poor'] < errors['palms']
    with pytest.raises(DataError, match='other settings'):
        make_toy_corpus(poor, size='tiny', videos='none', margin=2)
    with pytest.raises(ValueError, match='margin should be a number of frames, 0 or more, got -1'):
        make_toy_corpus(tmp_path / 'cut', margin=-1)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, quick: None) -> None:
    folders = [
        make_toy_corpus(tmp_path / str(index), seed=3, size='tiny', videos='none', workers=workers)
        for index, workers in enumerate((0, 2))
    ]
    for name in sorted(path.relative_to(folders[0]) for path in folders[0].rglob('*') if path.is_file()):
        first, second = ((folder / name).read_bytes() for folder in folders)
        assert first == second, name
    other = make_toy_corpus(tmp_path / 'other', seed=4, size='tiny', videos='none')
    assert (other / 'poses.lmdb').read_bytes() != (folders[0] / 'poses.lmdb').read_bytes()


def test_a_complete_corpus_is_kept_and_an_unfinished_one_finished(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(plan: ClipPlan, view: object, seed: int, detector: str) -> object:
        made.append(plan.clip_id)
        if len(made) == 60:
            raise KeyboardInterrupt
        return detected_poses(plan, view, seed, detector)

    monkeypatch.setattr('unisign.toy.corpus.detected_poses', counted)
    out = tmp_path / 'toy'
    with pytest.raises(KeyboardInterrupt):
        make_toy_corpus(out, size='tiny', videos='none')
    assert not out.exists()
    make_toy_corpus(out, size='tiny', videos='none')
    total = len(plan_corpus(SIZES['tiny'], 42))
    assert len(made) == 60 + total - 50  # the first fifty had been saved
    make_toy_corpus(out, size='tiny', videos='none')
    assert len(made) == 60 + total - 50


def test_other_contents_are_not_overwritten(tmp_path: Path, toy_tiny: Path) -> None:
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(DataError, match=r'no meta\.json'):
        make_toy_corpus(tmp_path, size='tiny', videos='none')
    with pytest.raises(DataError, match="'seed': 42"):
        make_toy_corpus(toy_tiny, seed=43, size='tiny', videos='none')
    assert json.loads((toy_tiny / 'meta.json').read_text())['corpus_version'] == CORPUS_VERSION


@pytest.mark.parametrize('choice', [{'size': 'huge'}, {'videos': 'some'}, {'pose_format': 'csv'}])
def test_unknown_choices(tmp_path: Path, choice: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(choice.values()))):
        make_toy_corpus(tmp_path / 'toy', **choice)


def test_video_shows_the_true_hands(tmp_path: Path, full_plan: list[ClipPlan]) -> None:
    plan = next(plan for plan in full_plan if plan.glosses == ('TWO',) and plan.split == 'test')
    view = film(plan, 42)
    path = tmp_path / 'clip.mp4'
    write_video(plan, view, path)
    reader, frames = cv2.VideoCapture(str(path)), []
    while (frame := reader.read())[0]:
        frames.append(frame[1][..., ::-1].astype(float))
    assert len(frames) == len(view.points) == len(detected_poses(plan, view, 42))
    assert frames[0].shape == (FRAME_SIZE[1], FRAME_SIZE[0], 3)
    drawn = draw_clip(view, plan.signer)
    assert np.abs(np.stack(frames) - drawn).mean() < 8  # what the codec changes

    middle = len(frames) // 2
    hand = view.points[middle, 91:112, :2] if plan.signer.left_handed else view.points[middle, 112:133, :2]
    skin = np.array(plan.signer.skin, dtype=float)

    def distance(x: float, y: float) -> float:
        return float(np.abs(frames[middle][int(y), int(x)] - skin).mean())

    on_fingers = [distance(*((hand[start] + hand[start + 1]) / 2)) for start in (5, 6, 9, 10)]  # the two straight ones
    assert np.mean(on_fingers) < 40
    beside = np.array(plan.signer.background, dtype=float)
    assert np.abs(skin - beside).mean() > 40  # else the line above could not fail
