import json
import sys

import numpy as np
import pytest

from unisign.registry import DATASETS
from unisign.stores import PoseFiles, read_pose_file, write_npz, write_pose_file
from unisign.structures import ClipError, DataError, Poses

pose_format = pytest.importorskip('pose_format', reason='needs pose-format: bash tools/install_pose.sh')


def clip():
    rng = np.random.default_rng(0)
    keypoints, scores = rng.random((3, 133, 2), dtype=np.float32), rng.random((3, 133), dtype=np.float32)
    keypoints[1, 100], scores[1, 100] = 0, 0
    return Poses(keypoints, scores, (320, 240), 25.0)


def test_written_and_read(tmp_path):
    write_pose_file(tmp_path / 'a.pose', clip())
    poses = read_pose_file(tmp_path / 'a.pose')
    np.testing.assert_allclose(poses.keypoints, clip().keypoints, atol=1e-5)
    np.testing.assert_allclose(poses.scores, clip().scores, atol=1e-5)
    assert (poses.frame_size, poses.frame_rate) == ((320, 240), 25.0)
    assert [path.name for path in tmp_path.iterdir()] == ['a.pose']


def test_holistic_points_go_to_their_places(tmp_path):
    from pose_format.numpy import NumPyPoseBody
    from pose_format.pose_header import PoseHeader, PoseHeaderComponent, PoseHeaderDimensions

    parts = {'POSE_LANDMARKS': 33, 'FACE_LANDMARKS': 468, 'LEFT_HAND_LANDMARKS': 21, 'RIGHT_HAND_LANDMARKS': 21}
    components = [
        PoseHeaderComponent(name, [str(i) for i in range(count)], [], [(0, 0, 0)], 'XYZC')
        for name, count in parts.items()
    ]
    data = np.tile(np.arange(543, dtype=np.float32)[None, None, :, None], (2, 1, 1, 3))
    body = NumPyPoseBody(25, np.ma.masked_array(data, np.zeros(data.shape, bool)), np.ones((2, 1, 543), np.float32))
    with (tmp_path / 'a.pose').open('wb') as file:
        pose_format.Pose(PoseHeader(0.2, PoseHeaderDimensions(1000, 1000), components), body).write(file)
    keypoints = read_pose_file(tmp_path / 'a.pose').keypoints * 1000
    assert keypoints[0, [9, 53, 91, 112], 0].round().tolist() == [15, 33 + 4, 501, 522]


@pytest.mark.parametrize('content', [b'', b'no pose at all'])
def test_other_files_are_named(tmp_path, content):
    (tmp_path / 'a.pose').write_bytes(content)
    with pytest.raises(ClipError, match=r'a\.pose'):
        read_pose_file(tmp_path / 'a.pose')
    with pytest.raises(ClipError, match=r'b\.pose: there is no such file'):
        read_pose_file(tmp_path / 'b.pose')


def test_frame_rate_is_needed(tmp_path):
    poses = clip()
    with pytest.raises(ClipError, match='frame rate'):
        write_pose_file(tmp_path / 'a.pose', Poses(poses.keypoints, poses.scores, poses.frame_size))


def test_an_annotation_may_name_one(tmp_path):
    write_pose_file(tmp_path / 'a.pose', clip())
    line = {'id': 'A', 'poses': 'a.pose', 'text': 'hello', 'lang': 'en'}
    (tmp_path / 'clips.jsonl').write_text(json.dumps(line) + '\n')
    pipeline = [{'type': 'LoadPoses'}, {'type': 'NormalizeParts'}, {'type': 'PackSignInputs'}]
    dataset = DATASETS.build(
        dict(type='SignDataset', ann_file=str(tmp_path / 'clips.jsonl'), task='slt', pipeline=pipeline, test_mode=True)
    )
    from_pose = dataset[0]['inputs']['parts']
    (tmp_path / 'clips.jsonl').write_text(json.dumps({**line, 'poses': 'a.npz'}) + '\n')
    write_npz(tmp_path / 'a.npz', clip())
    from_npz = DATASETS.build(
        dict(type='SignDataset', ann_file=str(tmp_path / 'clips.jsonl'), task='slt', pipeline=pipeline, test_mode=True)
    )[0]['inputs']['parts']
    for name, values in from_npz.items():
        assert values.shape[0] == 3
        np.testing.assert_allclose(from_pose[name], values, atol=1e-4)


def test_pose_files_among_others(tmp_path):
    write_pose_file(tmp_path / 'a.pose', clip())
    store = PoseFiles(tmp_path)
    assert list(store.keys()) == ['a.pose'] and 'a.pose' in store
    assert store.num_frames('a.pose') == 3 and store.known_lengths(['a.pose']).tolist() == [0]
    np.testing.assert_allclose(store.read('a.pose').keypoints, clip().keypoints, atol=1e-5)


def test_without_the_package_it_says_how_to_install_it(tmp_path, monkeypatch):
    write_pose_file(tmp_path / 'a.pose', clip())
    monkeypatch.setitem(sys.modules, 'pose_format', None)
    with pytest.raises(DataError, match=r'a\.pose: cannot be read: .*bash tools/install_pose\.sh') as caught:
        PoseFiles(tmp_path).read('a.pose')
    assert not isinstance(caught.value, ClipError)  # else a run would go on without all such clips
