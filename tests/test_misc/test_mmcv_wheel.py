"""Where mmcv's wheel is kept, when it is built, and what is said where it cannot be. Nothing is compiled here."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location('mmcv_wheel', ROOT / 'tools' / 'misc' / 'mmcv_wheel.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_wheel(folder: Path, content: str = 'mmcv/_ext.cpython-311-x86_64-linux-gnu.so') -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / 'onedl_mmcv-1-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(content, '')
    return path


def test_the_cache_lies_outside_the_checkout(tool, tmp_path) -> None:
    assert tool.cache_folder({'UNISIGN_CACHE': '/a', 'XDG_CACHE_HOME': '/b'}) == Path('/a')
    assert tool.cache_folder({'UNISIGN_CACHE': '', 'XDG_CACHE_HOME': '/b'}) == Path('/b/unisign')
    assert tool.cache_folder({}) == Path.home() / '.cache' / 'unisign'


def test_what_differs_has_a_place_of_its_own(tool, monkeypatch) -> None:
    key = tool.key_of_build('cpu')
    assert key.startswith('onedl-mmcv-2.3.6-cp3') and f'-torch{torch.__version__}-cpu-' in key and '/' not in key
    others = {key, tool.key_of_build('cu130-sm90')}
    for owner, name, value in (
        (torch, '__version__', '2.12.0'),
        (tool.sysconfig, 'get_platform', lambda: 'linux-aarch64'),
        (tool.platform, 'libc_ver', lambda: ('glibc', '2.17')),
        (tool, 'tried_version', lambda: '2.4.0'),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            others.add(tool.key_of_build('cpu'))
    assert len(others) == 6
    assert tool.key_of_build('cpu') == key


def test_device(tool, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 3)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda index: [(9, 0), (8, 6), (9, 0)][index])
    monkeypatch.setattr(torch.version, 'cuda', '13.0')
    monkeypatch.setattr(tool, 'problem_of_toolkit', lambda cuda: '')
    assert tool.device_of_build({}) == ('cu130-sm86-sm90', '')
    assert tool.device_of_build({'TORCH_CUDA_ARCH_LIST': '8.0;9.0+PTX'}) == ('cu130-sm80-90PTX', '')
    assert tool.device_of_build({'FORCE_CUDA': '0'}) == ('cpu', '')
    monkeypatch.setattr(tool, 'problem_of_toolkit', lambda cuda: f'no nvcc for {cuda}.')
    assert tool.device_of_build({}) == ('cpu', 'the operators are built for the CPU only, since no nvcc for 13.0.')
    with pytest.raises(tool.BuildError, match=r'FORCE_CUDA=1 is set, but no nvcc for 13\.0'):
        tool.device_of_build({'FORCE_CUDA': '1'})


@pytest.mark.parametrize(
    ('answer', 'problem'),
    [
        ('release 13.0, V13.0.88', ''),
        ('release 12.4, V12.4.1', r'nvcc is of CUDA 12.4 and PyTorch of CUDA 13.0: install the CUDA toolkit 13.0'),
        ('', 'nvcc does not run and PyTorch of'),
        (None, 'nvcc was not found: install the CUDA toolkit 13.0 and name its folder with CUDA_HOME'),
    ],
)
def test_toolkit(tool, tmp_path, monkeypatch, answer, problem: str) -> None:
    from torch.utils import cpp_extension

    monkeypatch.setattr(cpp_extension, 'CUDA_HOME', str(tmp_path))
    if answer is not None:
        (tmp_path / 'bin').mkdir()
        (tmp_path / 'bin' / 'nvcc').write_text(f'#!/bin/sh\necho "{answer}"\n')
        (tmp_path / 'bin' / 'nvcc').chmod(0o755)
    said = tool.problem_of_toolkit('13.0')
    assert problem in said and bool(problem) == bool(said)
    assert 'built for the CPU only' in tool.problem_of_toolkit(None)


@pytest.mark.parametrize(
    ('environment', 'memory', 'kind', 'jobs'),
    [
        ({}, 100.0, 'cpu', 8),
        ({}, None, 'cpu', 8),
        ({}, 7.0, 'cpu', 4),
        ({}, 17.0, 'cuda', 4),
        ({}, 0.3, 'cpu', 1),
        ({'MAX_JOBS': '20'}, 0.3, 'cpu', 20),
    ],
)
def test_jobs_follow_cores_and_memory(tool, monkeypatch, environment, memory, kind: str, jobs: int) -> None:
    monkeypatch.setattr(tool.os, 'sched_getaffinity', lambda pid: set(range(8)), raising=False)
    assert tool.number_of_jobs(environment, memory, kind) == jobs


def test_free_memory(tool, tmp_path) -> None:
    assert tool.free_memory(tmp_path) is None
    (tmp_path / 'proc').mkdir()
    (tmp_path / 'proc' / 'meminfo').write_text('MemTotal: 99 kB\nMemAvailable:    6291456 kB\n')
    assert tool.free_memory(tmp_path) == 6
    group = tmp_path / 'sys' / 'fs' / 'cgroup'
    group.mkdir(parents=True)
    (group / 'memory.max').write_text('max\n')
    assert tool.free_memory(tmp_path) == 6
    (group / 'memory.max').write_text('2147483648\n')
    assert tool.free_memory(tmp_path) == 2


def test_only_the_cpu_is_built_without_optimisation(tool) -> None:
    cpu, cuda = (tool.build_environment({'PATH': '/bin'}, device, 3) for device in ('cpu', 'cu130-sm90'))
    assert (cpu['CXXFLAGS'], cpu['FORCE_CUDA'], cpu['CUDA_VISIBLE_DEVICES']) == ('-O0 -g0', '0', '')
    assert cuda['FORCE_CUDA'] == '1' and not {'CXXFLAGS', 'CFLAGS', 'CUDA_VISIBLE_DEVICES'} & set(cuda)
    assert cuda['MAX_JOBS'] == '3' and cuda['PATH'] == f'{Path(sys.executable).parent}{os.pathsep}/bin'
    assert tool.build_environment({'CXXFLAGS': '-O2'}, 'cpu', 1)['CXXFLAGS'] == '-O2'


def test_a_wheel_without_operators_is_none(tool, tmp_path) -> None:
    assert tool.wheel_in(tmp_path) is None
    make_wheel(tmp_path, 'mmcv/ops/nms.py')
    assert tool.wheel_in(tmp_path) is None
    wheel = make_wheel(tmp_path)
    assert tool.wheel_in(tmp_path) == wheel
    wheel.write_bytes(wheel.read_bytes()[:40])
    assert tool.wheel_in(tmp_path) is None


def test_built_once_and_moved_in_one_step(tool, tmp_path, monkeypatch) -> None:
    folder, runs = tmp_path / 'wheels' / 'key', []

    def run_pip(target, environment, final):
        assert target.parent.parent == final.parent  # the same disk: a move is one step
        runs.append(target)
        make_wheel(target)

    monkeypatch.setattr(tool, 'run_pip', run_pip)
    monkeypatch.setattr(tool, 'check_compiler', lambda *arguments: None)
    assert tool.build_once(folder, 'cpu') == tool.build_once(folder, 'cpu') == tool.wheel_in(folder)
    assert len(runs) == 1
    assert {path.name for path in folder.parent.iterdir()} <= {'key', 'key.lock'}
    make_wheel(folder).write_bytes(b'half')
    assert tool.build_once(folder, 'cpu') == tool.wheel_in(folder)
    assert len(runs) == 2


def test_a_failed_build_leaves_nothing(tool, tmp_path, monkeypatch) -> None:
    folder = tmp_path / 'wheels' / 'key'
    monkeypatch.setattr(tool, 'check_compiler', lambda *arguments: None)
    monkeypatch.setattr(tool, 'run_pip', lambda target, *others: make_wheel(target, 'mmcv/__init__.py'))
    with pytest.raises(tool.BuildError, match='no wheel with compiled operators'):
        tool.build_once(folder, 'cpu')
    assert {path.name for path in folder.parent.iterdir()} <= {'key.lock'}


@pytest.mark.slow  # starts PyTorch twice
def test_no_compiler(repo, tmp_path) -> None:
    environment = {**os.environ, 'PATH': str(tmp_path), 'UNISIGN_CACHE': str(tmp_path / 'cache'), 'FORCE_CUDA': '0'}
    environment.pop('CXX', None)
    command = [sys.executable, repo / 'tools' / 'misc' / 'mmcv_wheel.py']
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert 'there is no C++ compiler (c++)' in done.stderr and 'apt-get install g++' in done.stderr
    done = subprocess.run([*command, '--folder'], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(str(tmp_path / 'cache' / 'wheels' / 'onedl-mmcv-2.3.6-cp3'))


@pytest.mark.parametrize(
    ('output', 'advice'),
    [
        ('ERROR: No matching distribution found for onedl-mmcv==2.3.6', 'package index could not be reached'),
        ('c++: fatal error: Killed signal terminated program cc1plus', 'MAX_JOBS=1'),
        ('fatal error: error writing to /tmp/x.s: No space left on device', 'disk is full'),
        ('nms.cpp:3: error: expected ;', 'The first "error:" in the output above'),
    ],
)
def test_advice_on_failed_builds(tool, output: str, advice: str) -> None:
    assert advice in tool.advice_on(output)


def test_a_failing_pip_is_reported_with_its_output(tool, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / 'python').write_text('#!/bin/sh\necho "ERROR: No matching distribution found"\nexit 3\n')
    (tmp_path / 'python').chmod(0o755)
    monkeypatch.setattr(tool.sys, 'executable', str(tmp_path / 'python'))
    with pytest.raises(tool.BuildError, match=r'pip ended with 3.*index could not be reached.*laid into /wheels/key'):
        tool.run_pip(tmp_path / 'wheel', dict(os.environ), Path('/wheels/key'))
    assert 'No matching distribution' in capsys.readouterr().out


def test_the_script_refuses_other_arguments(repo) -> None:
    done = subprocess.run(['bash', 'tools/install_pose.sh', '--new'], cwd=repo, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == 'install_pose.sh: unknown argument --new; it takes --anew or nothing\n'
