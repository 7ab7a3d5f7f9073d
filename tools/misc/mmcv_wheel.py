"""Builds the wheel of mmcv with its compiled operators, and keeps it in a cache folder for the next environment.

Example: ``.venv/bin/python tools/misc/mmcv_wheel.py``; ``tools/install_pose.sh`` runs it. No package index has such a
wheel for current versions of PyTorch, and building one takes minutes: it is built once for each Python, PyTorch, kind
of device and platform. Run it with the Python of the environment that mmcv is for.
"""

import argparse
import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[2] / 'requirements' / 'constraints.txt'
DISTRIBUTION = 'onedl-mmcv'
# Memory that one compiler may take (GiB); without optimisation a file of mmcv takes 0.9, CUDA's compiler takes more.
MEMORY_PER_JOB = {'cpu': 1.5, 'cuda': 4.0}
# What the end of a failed build says -> what to do about it.
ADVICE = (
    (
        r'No matching distribution|Max retries|NewConnectionError|Name or service not known|Network is unreachable'
        r'|Temporary failure in name resolution|ReadTimeout|ProxyError',
        'The package index could not be reached: connect to the network, or name your mirror to pip; run this again.',
    ),
    (
        r'Killed signal terminated|fatal error: Killed|std::bad_alloc|virtual memory exhausted|Cannot allocate memory',
        'The compiler ran out of memory: run this again with MAX_JOBS=1 in front.',
    ),
    (r'No space left on device', 'The disk is full: make room, or name another disk with TMPDIR and UNISIGN_CACHE.'),
)


class BuildError(Exception):
    """There can be no wheel; the message says why and what to do."""


def main() -> int:
    """Build the wheel if it is not there and print where it lies; problems go to stderr, with exit status 1."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--folder', action='store_true', help='only print the folder that the wheel is kept in')
    args = parser.parse_args()
    try:
        device, reason = device_of_build(os.environ)
        folder = cache_folder(os.environ) / 'wheels' / key_of_build(device)
        if args.folder:
            print(folder)
            return 0
        if reason:
            print(f'note: {reason}')
        print(build_once(folder, device))
    except BuildError as error:
        print(f'mmcv_wheel.py: {error}', file=sys.stderr)
        return 1
    return 0


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder of what is worth keeping between checkouts."""
    if environment.get('UNISIGN_CACHE'):
        return Path(environment['UNISIGN_CACHE']).absolute()
    return Path(environment.get('XDG_CACHE_HOME') or Path.home() / '.cache').absolute() / 'unisign'


def device_of_build(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return what the operators are built for, and why not for a GPU that is there.

    Returns:
        'cpu', or 'cu' with CUDA's version and the architectures, such as 'cu130-sm90'; a sentence, or nothing.

    Raises:
        BuildError: if CUDA is demanded (``FORCE_CUDA=1``) and cannot be had.
    """
    import torch

    demanded = environment.get('FORCE_CUDA', '')
    if demanded == '0' or not (demanded == '1' or torch.cuda.is_available()):
        return 'cpu', ''
    problem = problem_of_toolkit(torch.version.cuda)
    if problem and demanded == '1':
        raise BuildError(f'FORCE_CUDA=1 is set, but {problem}')
    if problem:
        return 'cpu', f'the operators are built for the CPU only, since {problem}'
    cards = [torch.cuda.get_device_capability(index) for index in range(torch.cuda.device_count())]
    return f'cu{(torch.version.cuda or "").replace(".", "")}-{architectures(environment, cards)}', ''


def problem_of_toolkit(cuda: str | None) -> str:
    """Return what is wrong with the CUDA toolkit of this machine for a PyTorch built with ``cuda``, '' if nothing."""
    from torch.utils.cpp_extension import CUDA_HOME

    if cuda is None:
        return 'this PyTorch is built for the CPU only: install one with CUDA.'
    advice = f'install the CUDA toolkit {cuda} and name its folder with CUDA_HOME.'
    compiler = Path(CUDA_HOME or '') / 'bin' / 'nvcc'
    if CUDA_HOME is None or not compiler.is_file():
        return f"CUDA's compiler nvcc was not found: {advice}"
    done = subprocess.run([str(compiler), '--version'], capture_output=True, text=True, check=False)
    release = re.search(r'release (\d+)\.(\d+)', done.stdout)
    if not release or release[1] != cuda.split('.')[0]:
        found = f'is of CUDA {release[1]}.{release[2]}' if release else 'does not run'
        return f'{compiler} {found} and PyTorch of CUDA {cuda}: {advice}'
    return ''


def architectures(environment: Mapping[str, str], cards: Iterable[tuple[int, int]]) -> str:
    """Return the GPU architectures that CUDA's compiler will build for, as part of a file name."""
    named = environment.get('TORCH_CUDA_ARCH_LIST', '')
    if named:
        return 'sm' + re.sub(r'[^0-9A-Za-z]+', '-', named.replace('.', '').replace('+', '')).strip('-')
    return '-'.join(f'sm{major}{minor}' for major, minor in sorted(set(cards))) or 'all'


def key_of_build(device: str) -> str:
    """Return a file name with everything that a compiled wheel depends on: what differs here must not share one."""
    import torch

    python = f'cp{sys.version_info.major}{sys.version_info.minor}'
    parts = [DISTRIBUTION, tried_version(), python, f'torch{torch.__version__}', device, sysconfig.get_platform()]
    parts.append(''.join(platform.libc_ver()))  # a home folder may be shared by machines of different age
    return re.sub(r'[^\w.+-]+', '_', '-'.join(filter(None, parts)))


def tried_version(constraints: Path = CONSTRAINTS) -> str:
    """Return the version that the constraints name."""
    found = re.search(rf'^{DISTRIBUTION}==(\S+)', constraints.read_text(encoding='utf-8'), flags=re.MULTILINE)
    if not found:
        raise BuildError(f'{constraints} does not name a version of {DISTRIBUTION}.')
    return found[1]


def wheel_in(folder: Path) -> Path | None:
    """Return the wheel that lies in a folder, if it has one with compiled operators in it."""
    for wheel in sorted(folder.glob('*.whl')):
        if zipfile.is_zipfile(wheel):
            with zipfile.ZipFile(wheel) as archive:
                if any(name.startswith('mmcv/_ext.') for name in archive.namelist()):
                    return wheel
    return None


def build_once(folder: Path, device: str) -> Path:
    """Return the wheel in ``folder``, built if it is not there; a second process waits for the first one's.

    Raises:
        BuildError: if it cannot be built.
    """
    from filelock import FileLock, Timeout

    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f'{folder}.lock')
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print('waiting for another process that builds the same wheel', flush=True)
        lock.acquire()
    try:
        return wheel_in(folder) or build(folder, device)
    finally:
        lock.release()


def build(folder: Path, device: str) -> Path:
    """Build the wheel beside ``folder``, then move it there in one step, so that no half a wheel is ever found."""
    check_compiler(os.environ, folder)
    jobs = number_of_jobs(os.environ, free_memory(), 'cpu' if device == 'cpu' else 'cuda')
    print(f'building {DISTRIBUTION} {tried_version()} for {device}, {jobs} files at a time', flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'.{folder.name}-') as scratch:
        made = Path(scratch) / 'wheel'
        run_pip(made, build_environment(os.environ, device, jobs), folder)
        if wheel_in(made) is None:
            raise BuildError('the build gave no wheel with compiled operators in it; its output says more.')
        shutil.rmtree(folder, ignore_errors=True)  # what lay there was no such wheel
        made.replace(folder)
    wheel = wheel_in(folder)
    assert wheel is not None
    return wheel


def run_pip(target: Path, environment: dict[str, str], folder: Path) -> None:
    """Let pip download and build the wheel into ``target``, passing its output on."""
    command = [sys.executable, '-m', 'pip', 'wheel', '--verbose', '--no-build-isolation', '--no-deps', '--no-cache-dir']
    command += ['--no-binary', DISTRIBUTION, '--wheel-dir', str(target), f'{DISTRIBUTION}=={tried_version()}']
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace'
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            print(line, end='', flush=True)
            lines.append(line)
    if process.returncode:
        raise BuildError(
            f'building {DISTRIBUTION} failed (pip ended with {process.returncode}). {advice_on("".join(lines))} '
            f'A wheel built on another machine like this one may also be laid into {folder}.'
        )


def advice_on(output: str) -> str:
    """Return what to do about a failed build with this output."""
    found = (advice for pattern, advice in ADVICE if re.search(pattern, output))
    return next(found, 'The first "error:" in the output above says why.')


def check_compiler(environment: Mapping[str, str], folder: Path) -> None:
    """Look for what compiling needs before anything is downloaded.

    Raises:
        BuildError: if there is no C++ compiler or Python's header files are missing.
    """
    compiler = (environment.get('CXX') or 'c++').split()[0]
    if shutil.which(compiler, path=environment.get('PATH')) is None:
        raise BuildError(
            f'mmcv must be compiled, and there is no C++ compiler ({compiler}). Install one (Debian and Ubuntu: '
            'apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install), name yours with CXX, or '
            f'lay a wheel built on another machine like this one into {folder}.'
        )
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not header.is_file():
        raise BuildError(
            f"mmcv must be compiled, and Python's header files are missing ({header}). Install them (Debian and "
            'Ubuntu: apt-get install python3-dev; Fedora: dnf install python3-devel).'
        )


def number_of_jobs(environment: Mapping[str, str], memory: float | None, kind: str) -> int:
    """Return how many compilers to run at a time: ``MAX_JOBS``, else as many as cores and free memory (GiB) allow."""
    if environment.get('MAX_JOBS'):
        return int(environment['MAX_JOBS'])
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    return max(1, min(cores, int(memory / MEMORY_PER_JOB[kind]) if memory is not None else cores))


def free_memory(root: Path = Path('/')) -> float | None:
    """Return the free memory in GiB, within the limit of a container, or None where it cannot be told."""
    found = []
    for file, pattern, unit in (
        ('proc/meminfo', r'MemAvailable: *(\d+) kB', 2**10),
        ('sys/fs/cgroup/memory.max', r'^(\d+)$', 1),
    ):
        with contextlib.suppress(OSError):  # another system, or no such limit
            amount = re.search(pattern, (root / file).read_text(encoding='utf-8'), flags=re.MULTILINE)
            found += [int(amount[1]) * unit / 2**30] if amount else []
    return min(found, default=None)


def build_environment(environment: Mapping[str, str], device: str, jobs: int) -> dict[str, str]:
    """Return the environment variables for the build."""
    scripts = str(Path(sys.executable).parent)  # ninja
    result = {**environment, 'MMCV_WITH_OPS': '1', 'MAX_JOBS': str(jobs)}
    result['PATH'] = os.pathsep.join([scripts, environment.get('PATH', os.defpath)])
    result['FORCE_CUDA'] = '0' if device == 'cpu' else '1'
    if device == 'cpu':
        # mmcv's set-up compiles for any GPU it sees. On the CPU, what takes time are PyTorch's own convolutions: the
        # operators are as quick without optimisation, and built in half the time.
        result['CUDA_VISIBLE_DEVICES'] = ''
        for variable in ('CFLAGS', 'CXXFLAGS'):
            result.setdefault(variable, '-O0 -g0')
    return result


if __name__ == '__main__':
    sys.exit(main())
