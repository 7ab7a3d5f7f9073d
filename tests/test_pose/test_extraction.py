import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import brightness_estimator
import numpy as np
import pytest
from brightness_estimator import write_clip

from unisign.pose import ClipFolder, Share, build_estimator, extract, find_videos, pack_folder, poses_of_video
from unisign.stores import PackedPoseStore, read_npz, read_published_pickle
from unisign.structures import ClipError, DataError

ESTIMATOR = {'type': 'BrightnessEstimator'}


def run(videos, clips, **more):
    return list(extract(videos, clips, {**ESTIMATOR, **more}))


def test_poses_of_a_video(tmp_path):
    poses = poses_of_video(build_estimator(ESTIMATOR), write_clip(tmp_path / 'a.mp4', 6, size=(96, 32)))
    assert (len(poses), poses.frame_size, poses.frame_rate) == (6, (32, 96), 25.0)  # upright
    assert (np.diff(poses.keypoints[:, 0, 0]) > 0.05).all()


def test_one_frame(tmp_path):
    assert len(poses_of_video(build_estimator(ESTIMATOR), write_clip(tmp_path / 'a.mp4', 1))) == 1


def test_a_phones_video_is_seen_upright(tmp_path):
    poses = poses_of_video(build_estimator(ESTIMATOR), write_clip(tmp_path / 'a.mp4', 3, size=(48, 64), turned=270))
    assert (len(poses), poses.frame_size) == (3, (48, 64))


def test_variable_frame_rate(tmp_path):
    """6 frames in 0.48 s, with a gap in which nothing is recorded."""
    path = write_clip(tmp_path / 'a.mp4', 6, times=[0, 40, 80, 360, 400, 440])
    estimator = build_estimator(ESTIMATOR)
    poses = poses_of_video(estimator, path)
    assert len(poses) == 6 and poses.frame_rate == pytest.approx(5 / 0.44, rel=1e-3)
    even = poses_of_video(estimator, path, frame_rate=25)
    assert (len(even), even.frame_rate) == (12, 25.0)  # 0.44 s and the 0.04 s of the last frame
    old, new = poses.keypoints[:, 0, 0], even.keypoints[:, 0, 0]
    np.testing.assert_allclose(new[:3], old[:3], atol=1e-4)
    np.testing.assert_allclose(new[6], old[2] + (old[3] - old[2]) * 160 / 280, atol=1e-4)  # at 240 ms


def test_another_frame_rate(tmp_path):
    write_clip(tmp_path / 'videos' / 'a.mp4', 10)
    clips, videos = ClipFolder(tmp_path / 'out', 'npz'), find_videos(tmp_path / 'videos')
    (result,) = extract(videos, clips, ESTIMATOR, frame_rate=12.5)
    poses = read_npz(clips.path('a'))
    assert (result.frames, len(poses), poses.frame_rate) == (5, 5, 12.5)
    assert json.loads((tmp_path / 'out' / 'manifest.json').read_text())['frame_rate'] == 12.5
    with pytest.raises(DataError, match='frame_rate differ'):
        run(videos, clips)
    with pytest.raises(ValueError, match='above 0 frames per second, got 0'):
        list(extract(videos, clips, ESTIMATOR, frame_rate=0))


@pytest.mark.parametrize('content', [b'', b'#EXTM3U\nhttp://localhost/a.ts\n', None])
def test_what_is_no_video_is_named_and_passed(tmp_path, content):
    write_clip(tmp_path / 'videos' / 'b.mp4')
    bad = tmp_path / 'videos' / 'a.mp4'
    bad.write_bytes(content if content is not None else write_clip(tmp_path / 'x.mp4', 50).read_bytes()[:700])
    clips = ClipFolder(tmp_path / 'out', 'npz')
    results = run(find_videos(tmp_path / 'videos'), clips)
    assert [(result.id, result.frames) for result in results] == [('a', 0), ('b', 6)]
    assert results[0].error.startswith(f'{bad}: ')
    assert sorted(path.name for path in clips.folder.iterdir()) == ['b.npz', 'manifest.json']
    with pytest.raises(ClipError, match=r'a\.mp4'):
        poses_of_video(build_estimator(ESTIMATOR), bad)


def test_a_video_without_anybody_is_written_and_noted(tmp_path):
    write_clip(tmp_path / 'videos' / 'a.mp4')
    clips, videos = ClipFolder(tmp_path / 'out', 'npz'), find_videos(tmp_path / 'videos')
    (result,) = run(videos, clips, score=0)
    assert (result.frames, result.error, result.note) == (6, '', 'nobody is seen in it: all scores are 0.')
    assert not read_npz(clips.path('a')).scores.any()
    clips.path('a').unlink()
    (result,) = run(videos, ClipFolder(tmp_path / 'other', 'npz'))
    assert not result.note


@pytest.mark.parametrize(('kind', 'read'), [('npz', read_npz), ('pickle', read_published_pickle)])
def test_files(tmp_path, kind, read):
    write_clip(tmp_path / 'videos' / 'day' / 'a.mp4')
    clips = ClipFolder(tmp_path / 'out', kind)
    run(find_videos(tmp_path / 'videos'), clips)
    poses = read(clips.path('day/a'))
    assert (len(poses), poses.frame_size) == (6, (64, 48))
    manifest = json.loads((tmp_path / 'out' / 'manifest.json').read_text())
    assert manifest == {**build_estimator(ESTIMATOR).describe(), 'files': kind, 'frame_rate': None}


def test_what_is_finished_is_not_done_again_and_another_way_is_refused(tmp_path):
    write_clip(tmp_path / 'videos' / 'a.mp4')
    clips = ClipFolder(tmp_path / 'out', 'npz')
    videos = find_videos(tmp_path / 'videos')
    assert len(run(videos, clips)) == 1
    assert run(videos, clips) == []
    with pytest.raises(DataError, match='settings'):
        run(videos, clips, gain=2)


def test_what_a_killed_process_half_wrote_is_removed(tmp_path):
    write_clip(tmp_path / 'videos' / 'a.mp4')
    clips = ClipFolder(tmp_path / 'out', 'npz')
    clips.folder.mkdir()
    for name in ('a.npz.123.part', 'ab.npz.123.part'):
        (clips.folder / name).write_bytes(b'half')
    run(find_videos(tmp_path / 'videos'), clips)
    names = sorted(path.name for path in clips.folder.iterdir())
    assert names == ['a.npz', 'ab.npz.123.part', 'manifest.json']  # ab is another share's


def test_killed_in_the_middle_and_started_again(tmp_path):
    for i in range(20):
        write_clip(tmp_path / 'videos' / f'{i:02}.mp4', count=3)
    command = [sys.executable, brightness_estimator.__file__, tmp_path / 'videos', tmp_path / 'out']
    environment = {**os.environ, 'PYTHONPATH': str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    before = [process.stdout.readline() for _ in range(8)]
    os.kill(process.pid, signal.SIGKILL)
    before += process.communicate()[0].splitlines()
    assert 8 <= len(before) < 20
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').glob('*.npz')}
    assert 8 <= len(written) < 20
    videos = find_videos(tmp_path / 'videos')
    assert len(run(videos, ClipFolder(tmp_path / 'out', 'npz'))) == 20 - len(written)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    run(videos, ClipFolder(tmp_path / 'whole', 'npz'))
    for video in videos:
        again, whole = (read_npz(tmp_path / name / f'{video.id}.npz') for name in ('out', 'whole'))
        np.testing.assert_array_equal(again.keypoints, whole.keypoints)


@pytest.mark.slow
def test_two_processes_give_the_same(tmp_path, toy_tiny_videos):
    """The command itself, with MediaPipe, which sees the toy signers."""
    pytest.importorskip('mediapipe', reason='needs mediapipe: bash tools/install_pose.sh')
    paths = sorted((toy_tiny_videos / 'videos').glob('sign-test-*.mp4'))[:2]
    (tmp_path / 'list.txt').write_text(''.join(f'{path}\n' for path in paths))
    script, together = Path(__file__).parents[2] / 'tools/data/extract_poses.py', tmp_path / 'together'
    command = [sys.executable, script, tmp_path / 'list.txt', together, '--processes', '2']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith('2 of 2 clips, 0 of them from before, 0 left out')
    alone = ClipFolder(tmp_path / 'alone', 'npz')
    assert len(list(extract(find_videos(tmp_path / 'list.txt'), alone, 'mediapipe'))) == 2
    assert (together / 'manifest.json').read_text() == (alone.folder / 'manifest.json').read_text()
    for path in paths:
        first, second = (read_npz(folder / f'{path.stem}.npz') for folder in (together, alone.folder))
        assert (first.scores[:, [0, 91, 112]] > 0).mean() > 0.5
        np.testing.assert_array_equal(first.keypoints, second.keypoints)
        np.testing.assert_array_equal(first.scores, second.scores)


def test_packing(tmp_path):
    write_clip(tmp_path / 'videos' / 'a.mp4')
    clips = ClipFolder(tmp_path / 'out', 'npz')
    run(find_videos(tmp_path / 'videos'), clips)
    assert pack_folder(clips, ['a', 'failed'], tmp_path / 'poses.lmdb') == 1
    store = PackedPoseStore(tmp_path / 'poses.lmdb')
    assert (list(store.keys()), store.read('a').frame_rate) == (['a'], 25.0)


def test_shares_are_disjoint_and_complete(tmp_path):
    for i in range(7):
        write_clip(tmp_path / 'videos' / f'{i}.mp4', count=1)
    videos = find_videos(tmp_path / 'videos')
    shares = [Share(i, 3).of(videos) for i in range(3)]
    assert [len(share) for share in shares] == [3, 2, 2]
    assert sorted(video.id for share in shares for video in share) == [video.id for video in videos]
