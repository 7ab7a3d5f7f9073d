"""The model on a device that is not the CPU, which takes the ways that a GPU takes, where there is no GPU."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils import backend_registration

KINDS = ('pose', 'rgb')


@pytest.fixture(scope='module')
def found(repo: Path, tiny_language_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What ``stand_in_run`` prints: the device stays on in a process, so that is another one."""
    if not hasattr(backend_registration, '_setup_privateuseone_for_python_backend'):
        pytest.skip('this PyTorch cannot have a device that is written in Python (2.9 and later can)')
    folder = tmp_path_factory.mktemp('stand_in') / 'language_model'
    shutil.copytree(tiny_language_model, folder)
    (folder / 'words.txt').write_text('hello\nyou\ngood')
    script = Path(__file__).with_name('stand_in_run.py')
    command = [sys.executable, str(script), str(repo / 'tools' / 'benchmarks'), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_tensors_of_both_devices_are_refused(found: dict) -> None:
    assert found['mixed'] == 'aten.add.Tensor: tensors on the CPU (3,) among those of the device standin'


def test_what_is_noted(found: dict) -> None:
    """A product [2, 3] [3, 4]: 2 x 24 operations on 6 + 12 + 8 numbers; the largest of three times.

    Held are those 104 bytes, the view of none, and for a moment 40 more; 1,000 less when another tensor has gone.
    """
    assert found['notes']['call'] == ['mm', 104, 48]
    assert found['notes']['seconds'] == [1.0, 0.5, 2.0]
    assert found['notes']['held'] == [104, 144, -1000]


@pytest.mark.parametrize('kind', KINDS)
def test_numbers_are_those_of_the_cpu(found: dict, kind: str) -> None:
    """Other ways through the graph blocks, attention and norms, the same loss and gradients."""
    assert found[kind]['off'] < 1e-5
    assert found[kind]['off_after_a_step'] < 1e-6  # clipped, of a norm of 1 and more
    assert found[kind]['same_texts'] and len(found[kind]['texts']) == 3


@pytest.mark.parametrize('kind', KINDS)
def test_autocast_rounds_as_much_as_on_the_cpu(found: dict, kind: str) -> None:
    assert 1e-3 < found[kind]['off_in_bfloat16'] < 1.5 * found[kind]['off_in_bfloat16_on_the_cpu']


@pytest.mark.parametrize('kind', KINDS)
def test_one_wait(found: dict, kind: str) -> None:
    """How many frames a batch has depends on the values of its mask; no other wait in both passes."""
    assert [line.split(':')[0] for line in found[kind]['waits']] == ['backbones/clip_timeline.py']


@pytest.mark.parametrize('kind', KINDS)
def test_what_is_one_operation(found: dict, kind: str) -> None:
    """2 + 2 layers: 6 attentions; 4 + 6 norms of layers and 2 at the end."""
    operations = found[kind]['operations']
    attentions = 6 + (kind == 'rgb')
    for name, count in (('_fused_rms_norm', 12), ('_scaled_dot_product_efficient_attention', attentions)):
        assert operations[name] == operations[f'{name}_backward'] == count
