"""From videos and poses to crops of hands in a batch."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from PIL import Image
from synthetic_videos import decode_in_order, moving_images, write_h264

from unisign.datasets import AnnotationFile, SignDataset, sign_collate, write_annotations
from unisign.datasets.sign_dataset import clip_rng
from unisign.datasets.transforms.hand_pictures import keep_hands_in_step
from unisign.engine.hooks.failed_clip_hook import FailedClipHook
from unisign.models.data_preprocessor import SignDataPreprocessor
from unisign.registry import TRANSFORMS
from unisign.structures import DataError, Poses

SIDES = {'left': slice(91, 112), 'right': slice(112, 133)}
FULL = ({'type': 'NormalizeParts'}, {'type': 'PackSignInputs'})


def pipeline(max_frames=256, sample=None, load=None, then=()):
    return [
        {'type': 'LoadPoses'},
        {'type': 'SampleFrames', 'sampler': {'type': 'RandomFrameSampler'}, 'max_frames': max_frames},
        {'type': 'SampleHandFrames', **(sample or {})},
        {'type': 'LoadHandCrops', 'size': 32, **(load or {})},
        *then,
    ]


def dataset(path, steps, **options):
    return SignDataset(str(path), 'slt', steps, **options)


def rewrite(path, change):
    file = AnnotationFile(path)
    write_annotations(path, [change(file[i], i) for i in range(len(file))])


def with_scores(count, fingertips=0.9):
    """Poses whose hands are seen in all frames; all fingertips but those of the given score are sure."""
    scores = np.full((count, 133), 0.9, np.float32)
    scores[:, [95, 116]] = np.broadcast_to(fingertips, (count,))[:, None]
    return Poses(np.random.default_rng(0).random((count, 133, 2), np.float32), scores)


class TestSampleHandFrames:
    def sample(self, poses, test_mode=True, seed=0, **options):
        step = TRANSFORMS.build({'type': 'SampleHandFrames', **options})
        return step({'poses': poses, 'test_mode': test_mode, 'rng': np.random.default_rng(seed)})['hand_frames']

    @pytest.mark.parametrize(('count', 'expected'), [(1, 1), (10, 1), (11, 2), (30, 3), (70, 7), (71, 8)])
    def test_a_tenth_of_the_candidates_rounded_up(self, count, expected):
        frames = self.sample(with_scores(count))
        assert {side: len(sampled) for side, sampled in frames.items()} == {'left': expected, 'right': expected}

    def test_in_testing_the_worst_hands_are_taken(self):
        worst = np.full(20, 0.9)
        worst[[4, 17]] = 0.2
        poses = with_scores(20, worst)
        frames = self.sample(poses)
        assert frames['left'].tolist() == frames['right'].tolist() == [4, 17]
        poses.scores[:, 112:] = 0.1
        poses.scores[3, 91:112] = 0.3
        frames = self.sample(poses, score_threshold=0.31)
        assert frames['left'].tolist() == [4, 17]
        assert frames['right'].tolist() == []
        assert frames['right'].dtype == np.int64

    def test_in_training_the_draw_follows_the_generator(self):
        poses = with_scores(200, np.random.default_rng(1).uniform(0.3, 0.9, 200))
        first, again, other = (self.sample(poses, test_mode=False, seed=seed) for seed in (0, 0, 1))
        assert first['left'].tolist() == again['left'].tolist() != other['left'].tolist()
        assert first['left'].tolist() != first['right'].tolist()

    @pytest.mark.parametrize('sampler', ['EvenFrameSampler', 'RandomFrameSampler'])
    def test_other_samplers_by_the_config(self, sampler):
        frames = self.sample(with_scores(50), sampler={'type': sampler}, ratio=0.2)
        assert len(frames['left']) == 10
        assert (
            frames['left'].tolist()
            == self.sample(with_scores(50), sampler={'type': sampler}, ratio=0.2)['left'].tolist()
        )

    def test_a_ratio_of_0_takes_none(self):
        frames = self.sample(with_scores(50), ratio=0)
        assert {side: taken.tolist() for side, taken in frames.items()} == {'left': [], 'right': []}

    def test_the_ratio_is_a_share(self):
        with pytest.raises(ValueError, match='ratio should be a share of the frames, 0 to 1, got 10'):
            TRANSFORMS.build({'type': 'SampleHandFrames', 'ratio': 10})


def test_crops_show_the_frames_that_were_sampled(hands_corpus):
    results = dataset(hands_corpus, pipeline(max_frames=20))[1, 2]
    video, poses = decode_in_order(hands_corpus.parent / 'clip_2.mp4'), results['poses']
    assert (np.diff(poses.frame_ids) > 1).any()  # thinned
    extent, centres = 0, {}
    for side, points in SIDES.items():
        spots = poses.keypoints[:, points].astype(float) * (64, 48)
        low, high = spots.min(axis=1), spots.max(axis=1)
        centres[side] = (low + high) / 2
        extent = max(extent, (high - low)[results['hand_frames'][side]].max())
    length = int(extent * 1.2 / 2) * 2
    for side, points in SIDES.items():
        hand = results['hands'][side]
        assert hand['frames'].tolist() == results['hand_frames'][side].tolist() != []
        for frame, image, keypoints in zip(hand['frames'], hand['images'], hand['keypoints'], strict=True):
            whole = Image.fromarray(video[poses.frame_ids[frame]])
            corner = np.floor(centres[side][frame] - length / 2).astype(int)
            box = whole.crop((*corner, *(corner + length)))  # black outside the frame
            np.testing.assert_array_equal(image, np.asarray(box.resize((32, 32))))
            expected = (poses.keypoints[frame, points] * (64, 48) - corner) / length
            np.testing.assert_allclose(keypoints, np.clip(expected, 0, 1), atol=1e-5)


def test_start_and_end_select_the_same_range_of_the_video(hands_corpus):
    everything = {'sample': {'ratio': 1.0}}
    whole = dataset(hands_corpus, pipeline(**everything))[0]
    rewrite(hands_corpus, lambda annotation, i: replace(annotation, start=10, end=18))
    piece = dataset(hands_corpus, pipeline(**everything))[0]
    assert len(piece['poses']) == 8
    video = decode_in_order(hands_corpus.parent / 'clip_0.mp4')
    read = []
    reader = TRANSFORMS.build({'type': 'LoadHandCrops'}).reader
    frames = reader.frames
    reader.frames = lambda path, ids: read.extend(ids.tolist()) or frames(path, ids)
    dataset(hands_corpus, pipeline(load={'reader': reader}, **everything))[0]
    assert set(read) == set(range(10, 18))
    assert len(video) == 30
    assert whole['hands']['left']['frames'].tolist() == list(range(3, 30))


def test_a_hand_without_candidates_has_no_pictures_and_opens_no_video(hands_corpus):
    rewrite(hands_corpus, lambda annotation, i: replace(annotation, video='gone.mp4'))
    hands = dataset(hands_corpus, pipeline(sample={'score_threshold': 2.0}))[0]['hands']
    for side in ('left', 'right'):
        assert {name: values.shape for name, values in hands[side].items()} == {
            'frames': (0,),
            'images': (0, 32, 32, 3),
            'keypoints': (0, 21, 2),
            'boxes': (0, 4),
            'video_frames': (0,),
        }


def spoil(folder, how):
    """Make the video of the first clip unusable; return words of the message."""
    path = folder / 'clip_0.mp4'
    if how == 'missing':
        path.unlink()
        return r'clip_0\.mp4: there is no such video'
    if how == 'cut off':
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
        return (
            r'clip_0\.mp4: the video is shorter than the poses: it has \d+ frames \(its header announces 30: it is cut'
        )
    if how == 'no index':
        path.write_bytes(path.read_bytes()[:500])
        return r'clip_0\.mp4: cannot be read as a video'
    if how == 'short':
        write_h264(path, moving_images(25))
        return r'clip_0\.mp4: the video is shorter than the poses: it has 25 frames, and they need frame 29'
    write_h264(path, moving_images(30, width=64, height=64))
    return r'clip_0\.mp4: its frames are 64x64, of another shape than the 640x480'


BAD_VIDEOS = ('missing', 'cut off', 'no index', 'short', 'other shape')


@pytest.mark.parametrize('how', BAD_VIDEOS)
def test_a_video_that_cannot_be_used_fails_its_clip_by_name(hands_corpus, how):
    message = spoil(hands_corpus.parent, how)
    clips = dataset(hands_corpus, pipeline(then=FULL))
    batch = sign_collate([clips[i] for i in range(4)])
    assert [sample.clip_id for sample in batch['data_samples']] == ['clip_1', 'clip_2', 'clip_3']
    (failed,) = batch['failed_clips']
    assert failed.clip_id == 'clip_0'
    assert re.search(message, failed.failure), failed.failure


@pytest.mark.parametrize('how', BAD_VIDEOS)
def test_or_the_clip_goes_on_without_pictures_and_says_so(hands_corpus, how):
    message = spoil(hands_corpus.parent, how)
    clips = dataset(hands_corpus, pipeline(load={'missing_video': 'skip'}, then=FULL))
    batch = sign_collate([clips[i] for i in range(4)])
    assert batch['failed_clips'] == []
    assert re.search(message, batch['data_samples'][0].rgb_failure)
    assert [hasattr(sample, 'rgb_failure') for sample in batch['data_samples']] == [True, False, False, False]
    assert 0 not in batch['inputs']['hands']['left']['clip'].tolist()


def test_no_video_in_the_annotation(hands_corpus):
    rewrite(hands_corpus, lambda annotation, i: replace(annotation, video=None))
    failure = dataset(hands_corpus, pipeline())[0]['data_samples'].failure
    assert failure.startswith('clip_0: the annotation names no video.')


def test_wrong_options():
    with pytest.raises(ValueError, match="missing_video should be one of error, skip, got 'ignore'"):
        TRANSFORMS.build({'type': 'LoadHandCrops', 'missing_video': 'ignore'})
    with pytest.raises(ValueError, match="align should be one of time, count, got 'length'"):
        TRANSFORMS.build({'type': 'LoadHandCrops', 'align': 'length'})
    with pytest.raises(ValueError, match="resize should be one of pillow, torch, got 'fast'"):
        TRANSFORMS.build({'type': 'LoadHandCrops', 'resize': 'fast'})
    for name, value in {'size': 0, 'scale': 0, 'scale ': float('nan')}.items():
        with pytest.raises(DataError, match=rf'LoadHandCrops: {name.strip()} should be .*, got {value}'):
            TRANSFORMS.build({'type': 'LoadHandCrops', name.strip(): value})
    with pytest.raises(DataError, match='LoadHandCrops: needs SampleHandFrames before it'):
        TRANSFORMS.build({'type': 'LoadHandCrops'})({'poses': None})


def test_crops_depend_on_seed_epoch_and_clip_alone(hands_corpus):
    """The same with and without workers, in any order, and others in another epoch."""
    steps = pipeline(sample={'ratio': 0.3}, then=({'type': 'RandomMirrorPoses'}, *FULL))

    def read(workers, epoch, seed=42):
        config = {
            'batch_size': 2,
            'num_workers': workers,
            'sampler': {'type': 'EpochSampler', 'shuffle': True},
            'batch_sampler': {'type': 'LengthBucketBatchSampler'},
            'collate_fn': {'type': 'sign_collate'},
            'dataset': {
                'type': 'SignDataset',
                'ann_file': str(hands_corpus),
                'task': 'slt',
                'pipeline': steps,
                'seed': seed,
            },
        }
        with DefaultScope.overwrite_default_scope('unisign'):
            loader = Runner.build_dataloader(config, seed=workers)  # the order differs too
        loader.batch_sampler.sampler.set_epoch(epoch)
        found = {}
        for batch in loader:
            for i, sample in enumerate(batch['data_samples']):
                for side, hand in batch['inputs']['hands'].items():
                    mine = hand['clip'] == i
                    found[sample.clip_id, side] = {
                        name: values[mine] for name, values in hand.items() if name != 'clip'
                    }
        return found

    alone, helped, later, other = read(0, 0), read(2, 0), read(0, 1), read(0, 0, seed=1)
    assert len(alone) == 8
    for key, hand in alone.items():
        assert len(hand['frame'])
        assert all(torch.equal(values, helped[key][name]) for name, values in hand.items())
    for changed in (later, other):
        assert any(not torch.equal(hand['frame'], changed[key]['frame']) for key, hand in alone.items())


def test_a_batch_of_crops_by_hand():
    def sample(left, right):
        hands = {
            side: {
                'images': torch.full((len(frames), 3, 8, 8), value, dtype=torch.uint8),
                'keypoints': torch.full((len(frames), 21, 2), value / 100),
                'frames': torch.tensor(frames, dtype=torch.long),
            }
            for side, frames, value in (('left', left, 10), ('right', right, 20))
        }
        parts = {'body': torch.zeros(9, 9, 3)}
        return {'inputs': {'parts': parts, 'hands': hands}, 'data_samples': 'sample'}

    plain = {'inputs': {'parts': {'body': torch.zeros(2, 9, 3)}}, 'data_samples': 'sample'}
    hands = sign_collate([sample([1, 5], []), plain, sample([0], [])])['inputs']['hands']
    assert hands['left']['clip'].tolist() == [0, 0, 2]
    assert hands['left']['frame'].tolist() == [1, 5, 0]
    assert hands['left']['images'].shape == (3, 3, 8, 8)
    assert hands['right']['images'].shape == (0, 3, 8, 8)
    assert hands['right']['images'].dtype == torch.uint8
    assert hands['right']['keypoints'].shape == (0, 21, 2)
    assert hands['right']['clip'].dtype == hands['right']['frame'].dtype == torch.int64
    assert 'hands' not in sign_collate([plain])['inputs']


def test_pictures_are_normalised_on_the_device():
    hands = {'left': {'images': torch.full((1, 3, 2, 2), 255, dtype=torch.uint8), 'frame': torch.tensor([3])}}
    preprocessor = SignDataPreprocessor()
    assert preprocessor.state_dict() == {}
    inputs = preprocessor({'inputs': {'mask': torch.ones(1, 1), 'hands': hands}})['inputs']
    expected = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    torch.testing.assert_close(inputs['hands']['left']['images'][0, :, 0, 0], expected)
    assert inputs['hands']['left']['frame'].tolist() == [3]
    # As PackSignInputs leaves them: channels last in memory.
    stored = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3).permute(0, 3, 1, 2)
    found = preprocessor({'inputs': {'hands': {'left': {'images': stored}}}})['inputs']['hands']['left']['images']
    assert found.is_contiguous(memory_format=torch.channels_last)  # not copied
    assert torch.equal(found, preprocessor._normalised(stored.contiguous()))
    already = {'inputs': {'hands': {'left': {'images': torch.full((1, 3, 2, 2), 0.25)}}}}
    assert (preprocessor(already)['inputs']['hands']['left']['images'] == 0.25).all()


def some_hands():
    rng = np.random.default_rng(0)
    return {
        side: {
            'frames': np.array(frames),
            'images': rng.integers(0, 255, (len(frames), 8, 8, 3), dtype=np.uint8),
            'keypoints': rng.random((len(frames), 21, 2), np.float32),
        }
        for side, frames in (('left', [1, 4, 5]), ('right', [2]))
    }


def test_mirroring_takes_the_crops_along_and_twice_is_nothing():
    step = TRANSFORMS.build({'type': 'RandomMirrorPoses', 'prob': 1.0})
    poses = with_scores(6)
    results = {
        'poses': poses,
        'rng': clip_rng(0, 0, 'c'),
        'hands': some_hands(),
        'hand_frames': {'left': 'l', 'right': 'r'},
    }
    before = some_hands()
    results = step(results)
    after = results['hands']
    assert results['hand_frames'] == {'left': 'r', 'right': 'l'}
    assert after['right']['frames'].tolist() == [1, 4, 5]
    np.testing.assert_array_equal(after['right']['images'][:, :, 0], before['left']['images'][:, :, -1])
    np.testing.assert_allclose(after['right']['keypoints'][:, 3, 0], 1 - before['left']['keypoints'][:, 3, 0])
    np.testing.assert_array_equal(after['right']['keypoints'][..., 1], before['left']['keypoints'][..., 1])
    # the crop's points are still those of the poses: the mirrored right hand is the left one
    np.testing.assert_allclose(results['poses'].keypoints[:, 112:133, 0], 1 - poses.keypoints[:, 91:112, 0], atol=1e-7)
    twice = step(results)['hands']
    for side in twice:
        np.testing.assert_array_equal(twice[side]['images'], before[side]['images'])
        np.testing.assert_allclose(twice[side]['keypoints'], before[side]['keypoints'], atol=1e-6)


def test_crops_stay_with_their_frames_when_time_changes():
    def step(position):
        results = {'hands': some_hands(), 'hand_frames': {'left': np.array([1, 4, 5]), 'right': np.array([2])}}
        results = keep_hands_in_step(results, np.array(position))
        assert results['hand_frames']['left'].tolist() == results['hands']['left']['frames'].tolist()
        return results['hands']

    lost = step([0, 1, 3, 5])  # frames 2 and 4 are gone
    assert lost['left']['frames'].tolist() == [1, 3]
    np.testing.assert_array_equal(lost['left']['images'], some_hands()['left']['images'][[0, 2]])
    assert lost['right']['frames'].tolist() == []
    assert lost['right']['images'].shape == (0, 8, 8, 3)
    slower = step(np.linspace(0, 5, 11))
    assert slower['left']['frames'].tolist() == [2, 8, 10]
    faster = step([0.0, 2.2, 4.4])  # 4 and 5 meet at 4.4: the nearer one stays; 1 is a frame away from everything
    assert faster['left']['frames'].tolist() == [2]
    np.testing.assert_array_equal(faster['left']['images'], some_hands()['left']['images'][[1]])
    assert faster['right']['frames'].tolist() == [1]


@pytest.mark.parametrize('step', [{'type': 'RandomTimeWarp'}, {'type': 'RandomDropFrames', 'prob': 1.0}])
def test_transforms_that_change_the_frames_keep_the_crops(hands_corpus, step):
    sample = dataset(hands_corpus, pipeline(sample={'ratio': 1.0}, then=(step, *FULL)))[1, 0]
    frames = sample['inputs']['hands']['left']['frames']
    assert 10 < len(frames) == len(frames.unique())
    assert frames.max() < sample['data_samples'].num_frames


def test_crops_of_frames_that_are_gone_are_found(hands_corpus):
    def cut(results):
        results['poses'] = results['poses'].select(np.arange(4))
        return results

    with pytest.raises(ValueError, match=r'a crop of frame \d+ of a clip of 4 frames.*keep_hands_in_step'):
        dataset(hands_corpus, pipeline(then=(cut, *FULL)))[0]


def test_clips_without_pictures_are_reported_once_and_not_counted_as_failed(hands_corpus, tmp_path):
    spoil(hands_corpus.parent, 'missing')
    clips = dataset(hands_corpus, pipeline(load={'missing_video': 'skip'}, then=FULL))
    batch = sign_collate([clips[i] for i in range(4)])
    warnings = []
    runner = SimpleNamespace(work_dir=tmp_path, logger=SimpleNamespace(warning=warnings.append))
    hook = FailedClipHook(max_failed_share=0)
    for _ in range(2):
        hook.after_train_iter(runner, 0, batch)
    (warning,) = warnings
    assert 'Clip clip_0 (train) is used without pictures of the hands (1 such clips so far): ' in warning
    (line,) = (tmp_path / 'failed_clips_rank0.jsonl').read_text().splitlines()
    assert json.loads(line) | {'error': ''} == {
        'id': 'clip_0', 'split': 'train', 'dataset': 'hands', 'error': '', 'used': 'poses only',
    }  # fmt: skip
