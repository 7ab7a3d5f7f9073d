"""model_zoo.md, its metafile and the configs say the same."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from unisign.checkpoints import zoo_models
from unisign.checkpoints.zoo_tables import scores_table, with_tables
from unisign.structures import DataError

ROOT = Path(__file__).resolve().parents[2]
METAFILE = ROOT / 'configs/unisign/metafile.yml'
MODELS = yaml.safe_load(METAFILE.read_text(encoding='utf-8'))['Models']
PAGE = (ROOT / 'model_zoo.md').read_text(encoding='utf-8')
# spec.md, section 6: what the paper reports on the test sets, RGB-pose and pose-only
PUBLISHED = {
    'stage3_csl-daily_slt': {'BLEU-4': 26.36, 'ROUGE-L': 56.51},
    'stage3_csl-daily_slt_pose': {'BLEU-4': 25.61, 'ROUGE-L': 54.92},
    'stage3_csl-daily_cslr': {'WER dev': 26.7, 'WER test': 26.0},
    'stage3_csl-daily_cslr_pose': {'WER dev': 28.2, 'WER test': 27.4},
    'stage3_how2sign': {'BLEU-4': 14.9},
    'stage3_how2sign_pose': {'BLEU-4': 14.5},
    'stage3_openasl': {'BLEU-4': 23.14},
    'stage3_openasl_pose': {'BLEU-4': 22.67},
    'stage3_wlasl': {'Top 1 per instance': 63.52, 'Top 1 per class': 61.32},
    'stage3_wlasl_pose': {'Top 1 per instance': 63.13, 'Top 1 per class': 60.90},
    'stage3_msasl': {'Top 1 per instance': 78.16, 'Top 1 per class': 76.97},
    'stage3_msasl_pose': {},
}


def test_every_config_has_its_entry():
    configs = {path.stem for path in METAFILE.parent.glob('*.py')}
    assert {model['Name'] for model in MODELS} == configs == set(zoo_models()) and len(MODELS) == len(configs) == 20
    for name, model in zoo_models().items():
        assert model.config == ROOT / f'configs/unisign/{name}.py' and model.config.is_file()


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_an_entry_is_of_its_config(model):
    config = Config.fromfile(ROOT / model['Config'])
    rgb = config.model.get('rgb_encoder') is not None
    meta = model['Metadata']
    # the whole model's weights, as in test_model_builds and test_the_published_sizes
    assert (meta['Input'], meta['Parameters']) == (('RGB-pose', 592_572_518) if rgb else ('pose', 587_747_368))
    trained_on = config.train_dataloader.dataset
    folders = [one.data_root.removeprefix('data/') for one in trained_on.get('datasets', [trained_on])]
    named = [re.sub('(2000|1000)$', '', name).lower().replace('ms-asl', 'msasl') for name in meta['Training Data']]
    assert named[-len(folders) :] == folders
    before = re.search('csl-news|youtube-asl', config.get('load_from') or model['Name'])[0]
    assert meta['Training Data'][0].lower() == before
    for result in model.get('Results', ()):
        task = {'slt': 'Translation', 'cslr': 'Continuous', 'islr': 'Isolated'}[config.test_dataloader.dataset.task]
        assert task in result['Task'] and result['Dataset'] == meta['Training Data'][-1]
    if 'Weights' in model:
        kind = 'stage' if model['Name'][5] in '12' else 'rgb_pose' if rgb else 'pose_only'
        assert kind in model['Weights'] and meta['Weights License'] == 'CC BY-NC 4.0'


def test_scores_are_the_papers_and_no_other():
    found = {
        model['Name']: {name.removesuffix(' (published)'): value for name, value in result['Metrics'].items()}
        for model in MODELS
        for result in model.get('Results', ())
    }
    assert found == PUBLISHED  # a name without "(published)", such as one of ours, would differ
    assert len([model for model in MODELS if 'Results' not in model]) == 8  # stages 1 and 2


def test_the_page_is_written_from_the_metafile():
    assert with_tables(PAGE, METAFILE) == PAGE, 'run python tools/misc/model_zoo_tables.py'
    assert '| Top 1 per instance 63.13, Top 1 per class 60.90 | – |' in PAGE
    with pytest.raises(DataError, match=r"has the tables \['scores'\], expected"):
        with_tables(PAGE.replace('<!-- table: checkpoints -->', ''), METAFILE)


def test_published_and_ours_never_share_a_column():
    metrics = {'BLEU-4 (published)': 14.5, 'BLEU-4 (ours)': 13, 'ROUGE-L (ours)': 7.25}
    result = {'Task': 'Sign Language Translation', 'Dataset': 'D', 'Metrics': metrics}
    table = scores_table([{'Name': 'n', 'Config': 'c.py', 'Metadata': {'Input': 'pose'}, 'Results': [result]}])
    assert table.splitlines()[2] == '| [n](c.py) | D | translation | pose | BLEU-4 14.5 | BLEU-4 13.00, ROUGE-L 7.25 |'


def test_every_row_has_its_commands():
    for name in zoo_models():
        if name.startswith('stage1') and not name.endswith(
            '_pose'
        ):  # the same as the ones with _pose, as the page says
            continue
        assert f'tools/dist_train.sh configs/unisign/{name}.py 4' in PAGE
        assert f'tools/dist_test.sh configs/unisign/{name}.py work_dirs/{name} 4' in PAGE
        if name.startswith('stage3'):
            assert f'tools/test.py configs/unisign/{name}.py {name} ' in PAGE


def test_the_list(repo, monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['download.py', '--list'])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(repo / 'tools/models/download.py'), run_name='__main__')
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert stop.value.code == 0 and list(lines) == list(zoo_models())
    assert lines['stage3_wlasl_pose'].endswith('/ZechengLi19/Uni-Sign/resolve/main/wlasl_pose_only_islr.pth')
    assert lines['stage1_youtube-asl'] == 'no weights known'
