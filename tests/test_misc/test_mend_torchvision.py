"""The set-up script's part for torchvision beside a PyTorch it was not built for, with a stand-in for torchvision."""

import subprocess
import sys
from importlib import metadata

import pytest

pytestmark = pytest.mark.slow  # each step starts PyTorch anew

STAND_IN = """
import torch

@torch.library.register_fake('torchvision::nms')
def nms(boxes):
    return boxes

@torch.library.register_fake('torchvision::qnms')
def qnms(boxes):
    return boxes
"""


@pytest.fixture
def python(tmp_path):
    """A fresh virtual environment that sees this one's packages, but the stand-in before the real torchvision."""
    folder = tmp_path / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', folder], check=True)
    packages = next(folder.glob('lib/python*/site-packages'))
    (packages / 'torchvision').mkdir()
    (packages / 'torchvision' / '__init__.py').write_text(STAND_IN)
    (packages / 'torchvision-0.28.0.dist-info').mkdir()
    (packages / 'torchvision-0.28.0.dist-info' / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: torchvision\nVersion: 0.28.0\n'
    )
    # Without this environment's own hook: a path in a .pth file is added, but its .pth files are not run.
    (packages / 'others.pth').write_text(metadata.distribution('torch').locate_file('').as_posix() + '\n')
    return folder / 'bin' / 'python', packages


def run(python, *arguments):
    return subprocess.run([python, *arguments], capture_output=True, text=True, check=False)


def test_the_import_is_mended_where_it_fails_and_only_there(repo, python):
    executable, packages = python
    hook, tool = packages / 'torchvision_operators.pth', repo / 'tools' / 'misc' / 'mend_torchvision.py'
    assert 'operator torchvision::nms does not exist' in run(executable, '-c', 'import torchvision').stderr
    assert "['nms', 'qnms']" in run(executable, tool).stdout
    done = run(executable, '-c', 'import sys; assert "torch" not in sys.modules; import torchvision')
    assert done.returncode == 0, done.stderr
    assert hook.exists() and not run(executable, tool).stdout  # a second run finds nothing to do

    (packages / 'torchvision' / '__init__.py').write_text('import no_such_module')
    done = run(executable, tool)
    assert done.returncode == 1
    assert 'torchvision cannot be imported' in done.stderr and 'no_such_module' in done.stderr

    (packages / 'torchvision' / '__init__.py').write_text('import torch')
    assert not run(executable, tool).stdout
    assert not hook.exists()
