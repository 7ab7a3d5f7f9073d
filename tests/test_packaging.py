"""What is installed, and what the files around the package say about it."""

import configparser
import re
import subprocess
import sys

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import unisign
from unisign.checkpoints.zoo import package_root
from unisign.engine import read_config
from unisign.engine.config_names import find_config

MIM_FILES = ('configs', 'tools', 'demo', 'model-index.yml', 'model_zoo.md')


def requirements(path):
    lines = (line.partition('#')[0].strip() for line in path.read_text(encoding='utf-8').splitlines())
    return [Requirement(line) for line in lines if line]


def test_the_tried_versions_satisfy_the_requirements(repo):
    constraints = requirements(repo / 'requirements' / 'constraints.txt')
    tried = {canonicalize_name(one.name): str(one.specifier).removeprefix('==') for one in constraints}
    pose = ('pose.txt', 'pose_no_deps.txt', 'pose_build.txt')
    extras = [f'{name}.txt' for name in ('rgb', 'test', 'dev', 'video', 'report', 'lora', 'deepspeed', 'onnx')]
    for file in ('runtime.txt', *extras, *pose):
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


def test_citation(repo):
    citation = yaml.safe_load((repo / 'CITATION.cff').read_text(encoding='utf-8'))
    assert citation['version'] == unisign.__version__
    assert f'[{unisign.__version__}]' in (repo / 'CHANGELOG.md').read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def built(repo, tmp_path_factory):
    """What goes into the wheel, laid out as in site-packages."""
    folder = tmp_path_factory.mktemp('build')
    source = folder / 'source'
    source.mkdir()
    (folder / 'info').mkdir()
    for path in repo.iterdir():  # the build writes beside setup.py
        if path.name in ('unisign', 'requirements', *MIM_FILES) or path.is_file():
            (source / path.name).symlink_to(path)
    steps = ['egg_info', '--egg-base', '../info', 'build_py', '--build-lib', '../lib']
    subprocess.run([sys.executable, 'setup.py', '-q', *steps], cwd=source, check=True, capture_output=True)
    return folder / 'lib'


def test_the_wheel_holds_what_mim_looks_for(repo, built):
    mim = built / 'unisign' / '.mim'
    assert {path.name for path in mim.iterdir()} == set(MIM_FILES)
    for name in ('configs', 'tools', 'demo'):
        ours, theirs = (
            sorted(
                str(path.relative_to(top))
                for path in (top / name).rglob('*')
                if path.is_file() and '__pycache__' not in path.parts
            )
            for top in (repo, mim)
        )
        assert ours == theirs and len(ours) >= 4
    assert not list(mim.rglob('__pycache__'))
    index = yaml.safe_load((mim / 'model-index.yml').read_text(encoding='utf-8'))
    (metafile,) = index['Import']
    models = yaml.safe_load((mim / metafile).read_text(encoding='utf-8'))['Models']
    assert len(models) == 20
    for model in models:  # mim download reads Config below .mim, and Weights as an address
        assert (mim / model['Config']).is_file()
        assert model.get('Weights', 'https://').startswith('https://')


def test_the_zoo_is_found_in_an_installed_package(built, monkeypatch, tmp_path):
    monkeypatch.setattr(unisign, '__file__', str(built / 'unisign' / '__init__.py'))
    monkeypatch.chdir(tmp_path)
    assert package_root() == built / 'unisign' / '.mim'
    assert find_config('stage3_wlasl_pose') == package_root() / 'configs/unisign/stage3_wlasl_pose.py'
    assert find_config('stage3_toy-islr_pose').is_relative_to(built)
    assert read_config('stage3_wlasl_pose').model.head.language_model == 'google/mt5-base'


def test_the_dockerfile_names_what_exists(repo):
    text = (repo / 'docker/Dockerfile').read_text(encoding='utf-8').replace('\\\n', ' ')
    copied = [words[1:-1] for words in map(str.split, text.splitlines()) if words[:1] == ['COPY']]
    files = [name for names in copied for name in names]
    assert {'setup.py', 'unisign', 'tools', 'requirements', 'configs'} <= set(files)
    assert [name for name in files if not (repo / name).exists()] == []
    scripts = re.findall(r'bash (tools/\S+\.sh)', text)
    assert scripts == ['tools/setup_env.sh', 'tools/install_pose.sh']
    assert all((repo / script).is_file() for script in scripts)
    sent = [path for path in (repo / '.dockerignore').read_text().split() if path in files]
    assert sent == []  # what is copied must not be left out of what Docker sees
    setup = configparser.ConfigParser()
    setup.read(repo / 'setup.cfg')
    extras = re.search(r'ARG EXTRAS="(.*)"', text)[1].split()
    assert extras and set(extras) <= set(setup['options.extras_require'])
    needed = {'LICENSE', 'README.md', *MIM_FILES}  # by setup.cfg and setup.py
    assert needed <= set(files)
    used = set(re.findall(r'(UNISIGN_\w+)=', text))
    scripts_read = ''.join(path.read_text(encoding='utf-8') for path in repo.glob('tools/**/*.sh')) + 'UNISIGN_CACHE'
    assert all(name in scripts_read for name in used) and used


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
