"""What users type: testing an export, translating with it."""

import json

import pytest
import torch

from unisign.analysis.predictions_file import read_predictions
from unisign.apis import SignInferencer
from unisign.structures import DataError

pytestmark = pytest.mark.slow


def test_scores_are_those_of_the_checkpoint(exported, run_tool, tmp_path) -> None:
    ours, theirs = tmp_path / 'ours', tmp_path / 'theirs'
    code = run_tool(
        'tools/deployment/test_onnx.py', exported.config, exported.float32, '--work-dir', ours,
        '--out', tmp_path / 'ours.jsonl', *exported.arguments,
    )  # fmt: skip
    assert code == 0
    code = run_tool(
        'tools/test.py', exported.config, exported.checkpoint, '--work-dir', theirs,
        '--out', tmp_path / 'theirs.jsonl', *exported.arguments,
    )  # fmt: skip
    assert code == 0
    scores = [json.loads((folder / 'test_metrics.json').read_text())['metrics'] for folder in (ours, theirs)]
    assert scores[0] == scores[1] and 'test/top1_per_instance' in scores[0]
    answers = [
        {line.id: line.pred for line in read_predictions(tmp_path / f'{name}.jsonl')} for name in ('ours', 'theirs')
    ]
    assert answers[0] == answers[1] and len(answers[0]) == 8


def test_translate(exported, toy_tiny, run_tool, capsys) -> None:
    clip = f'{toy_tiny}/poses.lmdb#sign-test-00000'
    assert run_tool('demo/translate.py', clip, '--model', exported.float32, '--lang', 'en') == 0
    text = SignInferencer(exported.float32, lang='en')(clip).text
    assert text and capsys.readouterr().out.startswith(f'sign-test-00000: {text} (')
    code = run_tool('demo/translate.py', clip, '--model', exported.float32, '--checkpoint', 'epoch_1.pth')
    assert code == 1 and 'epoch_1.pth: was given beside' in capsys.readouterr().err
    with pytest.raises(DataError, match='is an export, which runs on the CPU, not on cuda'):
        SignInferencer(exported.float32, device=torch.device('cuda'))
