"""The benchmarks run, in tiny sizes, and what they say has the sense it claims; nothing here is held to a time."""

import json
import math
import os
import runpy
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope
from torch.utils.flop_counter import FlopCounterMode

SIDES = ('ours', 'baseline')
TINY = ('--layers', '1', '--frames', '8', '--batch', '1', '--vocabulary', '2100', '--rounds', '1', '--threads', '1')


@pytest.fixture
def benchmarks(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = repo / 'tools' / 'benchmarks'
    monkeypatch.syspath_prepend(str(folder))
    for module in [*folder.glob('*.py'), folder / 'baseline']:
        monkeypatch.delitem(sys.modules, module.stem, raising=False)
    return folder


@pytest.fixture
def run(benchmarks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd) -> Callable[..., tuple[str, dict]]:
    """Call a benchmark; returns what it prints and its JSON. Its processes are forks: nothing is imported again."""
    real = subprocess.run

    def fork(command, **settings):
        if command[0] != sys.executable:
            return real(command, **settings)
        file, count, script = tmp_path / f'stdout_{os.getpid()}', 1, 1
        if '--nproc_per_node' in command:
            place = command.index('--nproc_per_node') + 1
            count, script = int(command[place]), place + 1
        ranks = dict(WORLD_SIZE=str(count), MASTER_ADDR='127.0.0.1', MASTER_PORT=str(free_port()))
        children = [call_in_fork(command[script:], file, ranks | {'RANK': str(rank)}) for rank in range(count)]
        status = max(os.waitpid(child, 0)[1] for child in children)
        return subprocess.CompletedProcess(command, status, file.read_text(), None)

    def call(name: str, *arguments: str) -> tuple[str, dict]:
        file = tmp_path / 'figures.json'
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, 'run', fork)
            patch.setattr(sys, 'argv', [str(benchmarks / name), '--json', str(file), *arguments])
            patch.setattr(sys, 'stdout', sys.__stdout__)  # forks write to the descriptor
            runpy.run_path(str(benchmarks / name), run_name='__main__')
            sys.stdout.flush()
        return capfd.readouterr().out, json.loads(file.read_text())

    return call


def free_port() -> int:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


def call_in_fork(command: list[str], file: Path, environment: dict[str, str]) -> int:
    """Run a script with its arguments; what rank 0 prints goes to a file. Returns the process id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.environ.update(environment)
        if environment['RANK'] == '0':
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        sys.argv = command
        runpy.run_path(command[0], run_name='__main__')
        sys.stdout.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def check_sides(out: str, found: dict, figures: set[str]) -> None:
    """Both sides have the figures, above zero, and the ratio printed is theirs."""
    assert {'date', 'machine', 'commit', 'command', 'threads', 'load'} <= found.keys()
    for side in ('ours', 'baseline'):
        assert all(found['medians'][side][name] > 0 for name in figures), found['medians'][side]
    for name in figures:
        line = next(line for line in out.splitlines() if line.startswith(name))
        ours, baseline, ratio = map(float, line[len(name) :].split()[:3])
        assert ours == pytest.approx(found['medians']['ours'][name], rel=1e-3)
        expected = ours / baseline if 'more is better' in line else baseline / ours
        assert ratio == pytest.approx(expected, rel=2e-3, abs=0.006)


@pytest.mark.slow
def test_training_step(run) -> None:
    out, found = run('bench_training_step.py', *TINY, '--steps', '1', '--matrix', '256')
    check_sides(out, found, {'seconds a step', 'clips a second', 'share of the matrix-product rate'})
    assert found['medians']['ours']['operations'] > 1e9
    assert '1 clips of 8 frames, language model 1 + 1 layers' in out


@pytest.mark.slow
def test_training_step_with_pictures_under_autocast(run) -> None:
    options = ('--rgb', '--device', 'cpu', '--dtype', 'bfloat16', '--peak', '0.5')
    out, found = run('bench_training_step.py', *TINY, '--steps', '1', '--matrix', '256', *options)
    check_sides(out, found, {'seconds a step', 'clips a second', 'share of the peak'})
    assert 'RGB-pose, bfloat16, 1 clips of 8 frames' in out and 'of 0.5 TFLOP/s' in out
    ours = found['medians']['ours']
    assert ours['share of the peak'] == pytest.approx(ours['operations'] / ours['seconds'] / 0.5e12)


def test_operations_of_a_step(benchmarks, tmp_path: Path) -> None:
    from bench_training_step import step_operations
    from sizes import add_hands, make_batch, make_folder

    folder = make_folder(tmp_path, layers=1, vocabulary=2100)
    poses = make_batch(folder, 2, 16)
    hands = add_hands(poses)
    assert [len(hand['images']) for hand in hands.hands.values()] == [4, 4]  # a tenth of 16 frames, rounded up
    pictures = step_operations(folder, hands) - step_operations(folder, poses)
    # A picture through EfficientNet-B0 and the 1x1 convolution, 0.2 GFLOP; three passes of eight.
    assert pictures == pytest.approx(3 * 8 * 0.22e9, rel=0.1)


def test_both_sides_compute_in_the_precision_asked_for(benchmarks, tmp_path: Path) -> None:
    import argparse

    from bench_training_step import baseline_step, our_step
    from sizes import add_hands, make_batch, make_folder

    folder = make_folder(tmp_path, layers=1, vocabulary=2100)
    batch = add_hands(make_batch(folder, 1, 8))
    for make in (our_step, baseline_step):
        for dtype in ('float32', 'bfloat16'):
            model, step = make(folder, batch, argparse.Namespace(device='cpu', dtype=dtype, rgb=True, compile=None))
            seen = set()
            for module in model.modules():
                if isinstance(module, torch.nn.Linear):
                    module.register_forward_hook(lambda module, inputs, out, seen=seen: seen.add(out.dtype))
            before = [weight.clone() for weight in model.rgb_encoder.parameters()]
            step()
            assert getattr(torch, dtype) in seen and (dtype == 'bfloat16' or seen == {torch.float32})
            moved = [not torch.equal(a, b) for a, b in zip(before, model.rgb_encoder.parameters(), strict=True)]
            assert sum(moved) > 0.9 * len(moved)


def test_our_side_compiled(benchmarks, tmp_path: Path, monkeypatch) -> None:
    import argparse

    from bench_training_step import our_step
    from sizes import make_batch, make_folder

    from unisign.models import MT5GenerationHead, PartGCNEncoder

    compiled = []
    for kind in (PartGCNEncoder, MT5GenerationHead):
        monkeypatch.setattr(kind, 'compile_networks', lambda part, **options: compiled.append((type(part), options)))
    folder = make_folder(tmp_path, layers=1, vocabulary=2100)
    options = argparse.Namespace(device='cpu', dtype='float32', rgb=False, compile='eager')
    our_step(folder, make_batch(folder, 1, 8), options)
    assert compiled == [(PartGCNEncoder, dict(backend='eager')), (MT5GenerationHead, dict(backend='eager'))]


@pytest.mark.slow
def test_everything_for_a_gpu_in_one_command(repo: Path, tmp_path: Path) -> None:
    tiny = (*TINY, '--device', 'cpu', '--dtype', 'bfloat16')
    script = repo / 'tools' / 'benchmarks' / 'run_gpu.sh'
    environment = os.environ | {'PYTHON': sys.executable, 'MATRIX': '256', 'STEPS': '1', 'COMPILE': ''}
    done = subprocess.run(
        ['bash', script, tmp_path, *tiny], check=False, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    for name in ('training_pose', 'training_rgb', 'evaluation', 'generation', 'generation_signs'):
        found = json.loads((tmp_path / f'{name}.json').read_text())
        assert (
            set(found['medians']) == {'ours', 'baseline'} and 'times better' in (tmp_path / f'{name}.txt').read_text()
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ('part', 'waits'),
    [(('training', '--rgb'), 2), (('training', '--compile'), 2), (('evaluation', '--tokens', '3'), 7)],
    ids=['training', 'compiled', 'evaluation'],
)
def test_gpu_operations(benchmarks: Path, tmp_path: Path, part, waits) -> None:
    """Less is asked of a GPU than by the baseline. A token is a wait; so are the packed frames, the norm of clipping,
    padding among the states, tokens and scores of the answers.
    """
    command = [sys.executable, str(benchmarks / 'bench_gpu_operations.py'), *part, *TINY[:6], '--threads', '1']
    command += ['--lines', '--json', str(tmp_path / 'figures.json')]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours, baseline = (json.loads((tmp_path / 'figures.json').read_text())['medians'][side] for side in SIDES)
    for name in ('operations', 'of these casts'):
        assert 0 < ours[name] < baseline[name] and name in done.stdout
    assert ours['waits for a result'] == waits
    assert 'ours waits 1 times: backbones/clip_timeline.py' in done.stderr


def test_evaluation(run) -> None:
    out, found = run('bench_evaluation.py', *TINY, '--tokens', '3', '--matrix', '256')
    check_sides(out, found, {'seconds a batch', 'clips a second', 'share of the matrix-product rate'})
    parts = ('pose encoder', 'language model, encoder', 'language model, beam search')
    assert all(found['medians']['ours'][part] > 0 and f'ours, {part}' in out for part in parts)


@pytest.mark.parametrize('task', ['slt', 'islr'])
def test_generation(run, task: str) -> None:
    out, found = run('bench_generation.py', *TINY, '--task', task, '--tokens', '3', '--labels', '50', '--matrix', '256')
    check_sides(out, found, {'seconds a batch', 'clips a second'})
    assert ('share of the matrix-product rate' in out) == (task == 'slt')
    assert found['medians']['baseline']['tokens'] == (3 if task == 'slt' else 4)
    assert f'generation, {task}, float32, 1 clips of 8 frames' in out


def test_operations_of_beam_search(benchmarks, tmp_path: Path) -> None:
    """Those that the formulas need are those that are done."""
    import argparse

    from bench_generation import generation_operations, make_labels, make_states, our_answers
    from sizes import make_folder

    from unisign.models.language_models.loading import read_language_model_config

    folder, read, tokens = make_folder(tmp_path, layers=2, vocabulary=2100), 40, 5
    config = read_language_model_config(str(folder))
    args = argparse.Namespace(task='slt', batch=1, beams=4, device='cpu', labels=20, spread=3.0)
    states, mask = make_states(config, read, args)
    vocabulary, _ = make_labels(folder, args)
    answer = our_answers(folder, states, mask, vocabulary, tokens, args)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        answer()
    assert counter.get_total_flops() == pytest.approx(generation_operations(config, read, tokens, args.beams), rel=0.01)


def test_beam_search_of_both_sides_gives_the_same(benchmarks, tmp_path: Path) -> None:
    import argparse

    from bench_generation import baseline_answers, make_labels, make_states, our_answers
    from sizes import make_folder

    from unisign.models.language_models.loading import read_language_model_config

    folder = make_folder(tmp_path, layers=1, vocabulary=2100)
    args = argparse.Namespace(task='slt', batch=2, beams=4, device='cpu', labels=20, spread=3.0)
    states, mask = make_states(read_language_model_config(str(folder)), 8, args)
    vocabulary, _ = make_labels(folder, args)
    with torch.no_grad():  # random weights, drawn from the same seed
        ours, baseline = (make(folder, states, mask, vocabulary, 4, args)() for make in (our_answers, baseline_answers))
    torch.testing.assert_close(ours.tokens[:, 0], baseline[:, 1:])


@pytest.mark.slow
def test_clip_to_text(benchmarks: Path, tmp_path: Path) -> None:
    sizes = ('--size', 'tiny', '--frames', '16', '--tokens', '4', '--clips', '2', '--folder', str(tmp_path))
    command = [sys.executable, str(benchmarks / 'bench_clip_to_text.py'), *sizes, '--sides', 'baseline', 'torch']
    out = tmp_path / 'figures.json'
    done = subprocess.run([*command, '--out', str(out)], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    sides = json.loads(out.read_text())['sides']
    assert list(sides) == ['baseline', 'torch'] and sides['baseline']['ratio'] == 1
    ratios = [a / b for a, b in zip(sides['baseline']['seconds'], sides['torch']['seconds'], strict=True)]
    assert sides['torch']['ratio'] == pytest.approx(sum(ratios) / 2)
    assert all(side['p50'] <= side['p95'] and side['peak_mib'] > 0 for side in sides.values())
    assert sides['torch']['same_answers'] == 2 and 'same_answers' not in sides['baseline']


def test_sparse_reads(run, benchmarks, tmp_path: Path) -> None:
    pytest.importorskip('decord', reason='decord has wheels for x86-64 only')
    from bench_video_readers import X264, make_video

    video = make_video(tmp_path / 'clip.mp4', X264['H.264, open groups'], 60, 64, 48)
    out, found = run('bench_sparse_reads.py', '--reads', '3', '--rounds', '1', str(video))
    check_sides(out, found, {'clip.mp4: ms a read'})
    assert (
        found['medians']['ours']['clip.mp4: wrong frames'] == 0 < found['medians']['baseline']['clip.mp4: wrong frames']
    )


@pytest.mark.slow
def test_keypoints_one_frame_after_the_other_are_the_same(benchmarks, tmp_path: Path, monkeypatch) -> None:
    import argparse

    pytest.importorskip('mmpose', reason='needs the pose extra')
    # mmpose's functions leave its own scope behind, in which no part of this library would be found.
    monkeypatch.setattr(DefaultScope, '_instance_dict', DefaultScope._instance_dict.copy())
    from bench_pose_extraction import baseline_keypoints, our_keypoints
    from bench_video_readers import X264, make_video

    video = make_video(tmp_path / 'clip.mp4', X264['H.264, B frames'], 3, 64, 48)
    model = 'rtmpose-m_8xb64-270e_coco-wholebody-256x192'
    args = argparse.Namespace(model=model, detector='rtmdet-m', detect_every=1, batch=2, device='cpu')
    ours, baseline = (make(args)(video) for make in (our_keypoints, baseline_keypoints))
    assert ours.shape == (3, 133, 2)
    assert abs(ours - baseline).max() < 1e-5


def test_data_path(run) -> None:
    out, found = run('bench_data_path.py', '--clips', '4', '--frames', '64', '--batch', '2', '--rounds', '1')
    check_sides(out, found, {'ms a clip', 'clips a second', 'kB a clip'})
    ours, baseline = (found['medians'][side]['kB a clip'] for side in ('ours', 'baseline'))
    # 69 points in float16 against 133 in float64 with scores in float32: 6.4 times, pages aside.
    assert 4.5 < baseline / ours < 6.6


@pytest.mark.slow
def test_data_workers(run, toy_tiny_videos: Path) -> None:
    annotations = toy_tiny_videos / 'annotations' / 'slt_train.jsonl'
    sizes = ('--clips', '2', '--frames', '60', '--batches', '2', '--workers', '1')
    out, found = run('bench_data_workers.py', str(annotations), *sizes)
    cases = found['cases']
    assert list(cases) == ['pose-only', 'pose-only, augmented', 'RGB-pose']
    assert all(f'| {name} |' in out and case['clips/s, 1 worker'] > 0 for name, case in cases.items())
    assert [cases[name]['reads a clip'] for name in list(cases)[:2]] == [1, 1]
    # A tenth of both hands' frames, where they are seen, each a read beside the poses and the table.
    assert 2 < cases['RGB-pose']['pictures a clip'] <= 12
    assert cases['RGB-pose']['reads a clip'] == pytest.approx(2 + cases['RGB-pose']['pictures a clip'])
    # 40 of header, 69 points, and three float16 of each in a frame.
    assert cases['pose-only']['kB read a clip'] == pytest.approx((40 + 69 + 60 * 69 * 3 * 2) / 1e3)


@pytest.mark.slow
def test_scaling(run, tmp_path: Path) -> None:
    picture = tmp_path / 'scaling.png'
    plot = ('--plot', str(picture), '--layers', '1', '--vocabulary', '2100')
    out, found = run('bench_scaling.py', '--over', 'frames', '--values', '16', '8', *plot)
    sweep = found['sweeps']['frames']
    assert sweep['values'] == [8, 16] and sweep['fixed'] == {'batch': 1, 'vocabulary': 2100}
    for measurements in sweep['figures'].values():
        for part in ('step', 'pose encoder', 'language encoder', 'attention'):
            assert all(one[f'{part}, seconds'] > 0 and one[f'{part}, GiB'] >= 0 for one in measurements)
    for one in sweep['figures']['ours']:
        assert one['gradients, GiB'] < one['step, GiB'] and one['attention, seconds'] < one['step, seconds']
    assert 'attention of the language model, timed alone' in out and '| exponent, all |' in out
    assert picture.read_bytes().startswith(b'\x89PNG')


@pytest.mark.slow
def test_scaling_with_processes(run) -> None:
    tiny = ('--layers', '1', '--frames', '8', '--batch', '1', '--vocabulary', '2100')
    _, found = run('bench_scaling.py', '--over', 'processes', '--values', '2', *tiny)
    for measurements in found['sweeps']['processes']['figures'].values():
        one = measurements[0]
        assert len(one) == 3 and all(value > 0 for value in one.values())
        assert {'training, clips a second', 'data, clips a second'} < one.keys()


def test_exponents(benchmarks) -> None:
    from scaling_tables import better, slope

    assert slope([1, 2, 4], [3, 6, 12]) == pytest.approx(1)
    assert slope([2, 8], [5, 80]) == pytest.approx(2)
    assert math.isnan(slope([7], [1]))
    assert better('step, seconds', 2.0, 6.0) == 3 and better('data, clips a second', 6.0, 2.0) == 3


def test_pose_encoders_operations_are_linear_and_attention_quadratic(benchmarks, tmp_path: Path) -> None:
    from scaling_parts import part
    from sizes import baseline_model, make_batch, make_folder, our_model

    folder = make_folder(tmp_path, layers=1, vocabulary=2100)

    def operations(name: str, side: str, model: torch.nn.Module, frames: int) -> int:
        with FlopCounterMode(display=False) as counter:
            part(name, side, model, folder, make_batch(folder, 1, frames))()
        return counter.get_total_flops()

    for side, make in (('ours', our_model), ('baseline', baseline_model)):
        model = make(folder).train()
        # Whole tiles of six. Ours also brings its kernels into that form, once a pass: 2 % of it all for shorter clips.
        counts = [operations('pose encoder', side, model, frames) for frames in (24, 48, 96)]
        assert counts[2] - counts[1] == 2 * (counts[1] - counts[0]) > 0
        assert counts[0] == pytest.approx(counts[1] / 2, rel=0.02)
    few, many = (operations('attention', side, model, frames) for frames in (8, 16))
    assert many == 4 * few == 4 * 6 * 2 * 8**2 * 768  # two products forward, four backward


def test_vocabulary_losses_are_the_same(benchmarks, tmp_path: Path) -> None:
    from baseline.model import IGNORED
    from scaling_parts import baseline_vocabulary_loss, our_vocabulary_loss
    from sizes import make_folder

    from unisign.models.language_models import load_language_model

    model = load_language_model(str(make_folder(tmp_path, layers=1, vocabulary=2100)), pretrained=False)
    hidden, targets = torch.randn(2, 3, 768), torch.tensor([[5, 2000, 1], [7, 1, IGNORED]])
    ours, baseline = (loss(model, hidden, targets) for loss in (our_vocabulary_loss, baseline_vocabulary_loss))
    assert ours.item() == pytest.approx(baseline.item(), abs=1e-5)


def test_kept_memory(run) -> None:
    out, found = run('bench_kept_memory.py', '--batch', '1', '--frames', '16')
    for dtype in ('float32', 'bfloat16'):
        lean, pytorch = (found[dtype][way]['the whole pose encoder'] for way in ('lean', 'pytorch'))
        assert lean < 0.6 * pytorch and f'{dtype}, the whole pose encoder: {lean / 2**20:.1f} MiB' in out


@pytest.mark.slow
def test_compile(run) -> None:
    tiny = ('--batch', '1', '--frames', '8', '--rounds', '1', '--threads', '1', '--backend', 'eager')
    out, found = run('bench_compile.py', *tiny)
    for figures in found['figures'].values():
        assert len(figures) == 3 and all(value > 0 for value in figures.values())
    assert 'pose encoder, float32, 1 clips of 8 frames' in out
