import importlib
import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from unisign.checkpoints.download import hash_in_name
from unisign.pose import MMPoseEstimator, build_estimator, mmpose_estimator
from unisign.pose.mmpose_models import SHORT_NAMES, config_of, weights_url
from unisign.pose.trusted_weights import read_weights
from unisign.structures import DataError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec('mmpose') is None, reason='needs mmpose: bash tools/install_pose.sh'
)
RTMPOSE_X = 'rtmpose-x_8xb32-270e_coco-wholebody-384x288'
TINY = 'rtmpose-t_8xb64-270e_coco-ubody-wholebody-256x192'


def noise(count=5, height=96, width=64):
    return [np.random.default_rng(i).integers(0, 255, (height, width, 3), dtype=np.uint8) for i in range(count)]


@pytest.fixture(scope='module')
def estimator():
    torch.manual_seed(0)
    return MMPoseEstimator(
        TINY, None, detector='rtmdet-tiny', detector_weights=None, detect_every=4, batch_size=4, device='cpu'
    )


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_random_weights_go_the_whole_way(estimator):
    poses = estimator(noise(), 25.0)
    assert (len(poses), poses.frame_size, poses.frame_rate) == (5, (64, 96), 25.0)
    assert poses.scores.min() >= 0 and poses.scores.max() <= 1 and poses.keypoints.std() > 0
    assert estimator.describe()['weights'] == {TINY: 'random', 'rtmdet_tiny_8xb32-300e_coco': 'random'}


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_batches_give_what_single_frames_give(estimator, monkeypatch):
    together = estimator(noise())
    monkeypatch.setattr(estimator, 'batch_size', 1)
    np.testing.assert_allclose(estimator(noise()).keypoints, together.keypoints, atol=0.02)


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_points_follow_the_box_of_the_signer(estimator, monkeypatch):
    """What is estimated in a box lies around the box: here in the right half of the frame."""
    monkeypatch.setattr(estimator, '_people', lambda frame: np.array([[96.0, 0, 160, 96], [0, 40, 30, 70]]))
    keypoints = estimator(noise(width=160)).keypoints
    assert keypoints[..., 0].min() > 0.4
    assert keypoints[..., 0].max() <= 1.3


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_published_weights_are_downloaded_checked_and_named(tmp_path, monkeypatch):
    config = config_of('mmpose', TINY)
    with mmpose_estimator.DefaultScope.overwrite_default_scope('mmpose'):
        import mmpose.apis

        state = mmpose.apis.init_model(str(config), None, device='cpu').state_dict()
    state = {name: torch.ones_like(value) for name, value in state.items()}
    file = tmp_path / 'tiny.pth'
    torch.save({'state_dict': state, 'meta': {'dataset_meta': {'sigmas': np.ones(3, np.float32)}}}, file)
    monkeypatch.setattr(mmpose_estimator, 'weights_url', lambda package, config: f'http://{config.stem}')
    monkeypatch.setattr(mmpose_estimator, 'download', lambda url, folder: file if url == f'http://{TINY}' else None)
    estimator = build_estimator(dict(type='MMPoseEstimator', model=TINY, detector=None), device='cpu')
    assert len(estimator.describe()['weights'][TINY]) == 64
    assert all((value == 1).all() for value in estimator._model.state_dict().values())
    torch.save({'state_dict': {'other': torch.zeros(1)}}, file)
    with pytest.raises(DataError, match=f'tiny.pth: does not fit {TINY}'):
        build_estimator(dict(type='MMPoseEstimator', model=TINY, detector=None), device='cpu')


def published(package):
    """Return config name -> address of its weights, of our models, by the index that the package carries."""
    root, found = Path(importlib.import_module(package).__file__).parent / '.mim', {}
    for listing in yaml.safe_load((root / 'model-index.yml').read_text())['Import']:
        text = (root / listing).read_text()
        if not any(name in text for name in SHORT_NAMES.values()):
            continue
        for model in yaml.safe_load(text)['Models']:
            found[Path(model['Config']).stem] = model.get('Weights')
    return found


def test_short_names_are_models_that_the_packages_publish():
    """Names, addresses and digits are those of mmpose and mmdet, not ours."""
    listed, digits = {'mmpose': published('mmpose'), 'mmdet': published('mmdet')}, {}
    for short, name in SHORT_NAMES.items():
        package = 'mmdet' if short.startswith('rtmdet') else 'mmpose'
        config = config_of(package, short)
        assert config.stem == name and config.is_file()
        url = weights_url(package, config)
        if name != RTMPOSE_X:
            assert listed[package][name] == url
        digits[short] = hash_in_name(url)
    assert digits == {
        'rtmpose-x': '401dfc90',
        'rtmpose-l': 'eaeb96c8',
        'rtmpose-m': 'cd5e845c',
        'rtmw-x': 'f840f204',
        'rtmw-l': None,  # published without
        'rtmdet-tiny': '78e30dcc',
        'rtmdet-m': '229f527c',
        'rtmdet-l': '5a0be7c4',
    }


def test_rtmpose_x_is_not_in_the_index_but_named_by_the_models_made_from_it():
    assert RTMPOSE_X not in published('mmpose')
    config = config_of('mmpose', 'dwpose_x_dis_l_coco-384x288').read_text()
    folder, file = weights_url('mmpose', config_of('mmpose', 'rtmpose-x')).removeprefix('https://').rsplit('/', 1)
    assert file in config and folder.rsplit('/', 1)[1] in config


def test_an_unknown_name_is_refused():
    with pytest.raises(DataError, match='rtmpose-y'):
        config_of('mmpose', 'rtmpose-y')


@pytest.mark.slow
@pytest.mark.filterwarnings('ignore')
def test_rtmw_is_built_by_its_config_and_runs():
    estimator = MMPoseEstimator('rtmw-m_8xb1024-270e_cocktail14-256x192', None, detector=None, device='cpu')
    poses = estimator(noise(2))
    assert len(poses) == 2 and 0 <= poses.scores.min() <= poses.scores.max() <= 1
    assert ((poses.keypoints > -0.5) & (poses.keypoints < 1.5)).all() and poses.keypoints.std() > 0.05


@pytest.mark.filterwarnings('ignore:Detected pickle protocol')
def test_weights_that_run_code_are_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ('ran',)

    for content in (pickle.dumps(Evil()), b''):
        (tmp_path / 'a.pth').write_bytes(content)
        with pytest.raises(DataError, match=r'a\.pth'):
            read_weights(tmp_path / 'a.pth')
