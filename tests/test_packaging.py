"""What is installed, and what the files around the package say about it."""

import configparser
import subprocess

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import unisign


def requirements(path):
    lines = (line.partition('#')[0].strip() for line in path.read_text(encoding='utf-8').splitlines())
    return [Requirement(line) for line in lines if line]


def test_the_tried_versions_satisfy_the_requirements(repo):
    constraints = requirements(repo / 'requirements' / 'constraints.txt')
    tried = {canonicalize_name(one.name): str(one.specifier).removeprefix('==') for one in constraints}
    pose = ('pose.txt', 'pose_no_deps.txt', 'pose_build.txt')
    for file in ('runtime.txt', 'rgb.txt', 'test.txt', 'dev.txt', 'video.txt', 'onnx.txt', *pose):
        for requirement in requirements(repo / 'requirements' / file):
            assert requirement.specifier.contains(tried[canonicalize_name(requirement.name)]), requirement


def test_every_extra_reads_files_that_exist(repo):
    setup = configparser.ConfigParser()
    setup.read(repo / 'setup.cfg')
    extras = setup['options.extras_require']
    assert {'pose', 'demo', 'test', 'all'} <= set(extras)
    for value in [*extras.values(), setup['options']['install_requires']]:
        for file in value.removeprefix('file:').split(','):
            assert (repo / file.strip()).is_file()


def test_citation_and_model_index(repo):
    citation = yaml.safe_load((repo / 'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['version'] == unisign.__version__
    assert f'[{unisign.__version__}]' in (repo / 'CHANGELOG.md').read_text(encoding='utf-8')
    index = yaml.safe_load((repo / 'model-index.yml').read_text(encoding='utf-8'))
    pages = [yaml.safe_load((repo / file).read_text(encoding='utf-8')) for file in index['Import']]
    models = [model for page in pages for model in page['Models']]
    assert len(models) == 5
    for model in models:
        assert (repo / model['Config']).is_file()
        for result in model['Results']:
            # No score of ours yet, and none of the paper's that could be taken for one of ours.
            assert all(name.endswith('(published)') for name in result['Metrics'])


@pytest.mark.parametrize(
    'variables, message',
    [
        ({'UNISIGN_PYTHON': '/bin/false'}, 'no usable Python at UNISIGN_PYTHON=/bin/false'),
        ({'UNISIGN_VENV': 'taken'}, 'is no virtual environment'),
    ],
)
def test_set_up_says_what_is_wrong(repo, tmp_path, monkeypatch, variables, message):
    taken = tmp_path / 'taken'
    taken.mkdir()
    (taken / 'letter.txt').touch()
    monkeypatch.setenv('UNISIGN_VENV', str(tmp_path / 'new'))
    for name, value in variables.items():
        monkeypatch.setenv(name, str(taken) if value == 'taken' else value)
    done = subprocess.run(['bash', 'tools/setup_env.sh'], cwd=repo, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert (taken / 'letter.txt').exists()
