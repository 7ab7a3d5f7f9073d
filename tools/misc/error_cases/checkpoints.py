"""Checkpoints that are missing, damaged or of another model."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from error_cases.bench import Bench, Row

GROUP = 'Checkpoint'


def rows(bench: Bench) -> Iterator[Row]:
    """Yield the cases."""
    work_dir = bench.trained
    checkpoint = work_dir / 'checkpoints/epoch_1.pth'
    for wrong, path in _bad_files(bench, checkpoint).items():
        attempt = bench.test(path)
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)
    attempt = bench.train({'load_from': str(bench.folder / 'pretrained.pth')})
    yield Row(GROUP, '`load_from` names a file that is missing', attempt.message, attempt.outcome)
    yield from _resumed(bench, work_dir, checkpoint)


def _bad_files(bench: Bench, checkpoint: Path) -> dict[str, Path]:
    data = checkpoint.read_bytes()
    content = torch.load(checkpoint, weights_only=True)
    weights = content['state_dict']
    first = next(name for name in weights if name.endswith('embeddings.body.weight'))
    renamed = {('backbone.' + name if name == first else name): value for name, value in weights.items()}
    bench.folder.joinpath('runs/old').mkdir(parents=True)
    return {
        'The file is missing': bench.folder / 'epoch_20.pth',
        'A folder without checkpoints': bench.folder / 'runs/old',
        'The file is cut off': bench.write('cut.pth', data[: len(data) // 2]),
        'The file is empty': bench.write('empty.pth'),
        'Another kind of file': bench.write('notes.pth', 'Weights: ask Anna.\n'),
        'It wants to run code': _save(bench, 'code.pth', content | {'hooks': bench.code()}),
        'An old-style pickle that wants to run code': bench.write('old.pth', pickle.dumps(bench.code(), protocol=2)),
        'No weights in it': _save(bench, 'meta.pth', {'epoch': 3, 'best': 0.8}),
        'Weights of another name': _save(bench, 'renamed.pth', {'state_dict': renamed}),
        'A weight of another shape': _save(bench, 'shape.pth', {'state_dict': weights | {first: torch.zeros(7, 3)}}),
        'Weights with NaN': _save(
            bench, 'nan.pth', {'state_dict': weights | {first: torch.full_like(weights[first], float('nan'))}}
        ),
        '`.safetensors`: cut off': bench.write('cut.safetensors', b'\x40\x00\x00\x00\x00\x00\x00\x00{"weight":'),
    }


def _save(bench: Bench, name: str, content: Any) -> Path:
    path = bench.folder / name
    torch.save(content, path)
    return path


def _resumed(bench: Bench, work_dir: Path, checkpoint: Path) -> Iterator[Row]:
    attempt = bench.train(work_dir=work_dir)
    yield Row(GROUP, 'The work dir holds the checkpoints of an earlier run', attempt.message, attempt.outcome)
    content = torch.load(checkpoint, weights_only=True)
    weights = _save(bench, 'weights.pth', {'state_dict': content['state_dict']})
    cases: dict[str, tuple[dict[str, Any], str]] = {
        '`--resume` with another batch size': ({'train_dataloader.batch_size': 6}, 'auto'),
        '`--resume` with another learning rate': ({'optim_wrapper.optimizer.lr': 1e-5}, 'auto'),
        '`--resume` with another model': ({'model.pose_encoder.embed_channels': 8}, 'auto'),
        '`--resume` from weights alone': ({}, str(weights)),
        '`--resume` from a file that is cut off': ({}, str(bench.folder / 'cut.pth')),
        '`--resume` from a file that wants to run code': ({}, str(bench.folder / 'code.pth')),
    }
    for wrong, (options, resume) in cases.items():
        attempt = bench.train(options, work_dir=work_dir, resume=resume)
        yield Row(GROUP, wrong, attempt.message, attempt.outcome)
    moved = checkpoint.rename(checkpoint.with_suffix('.elsewhere'))
    attempt = bench.train(work_dir=work_dir, resume='auto')
    moved.rename(checkpoint)
    yield Row(GROUP, '`--resume`, but the last checkpoint was removed', attempt.message, attempt.outcome)
