"""``tools/models/trim_vocabulary.py`` as it is called."""

import runpy
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_models'))
from vocabularies import make_folder, make_texts, train_tokenizer

from unisign.checkpoints import load_state_dict_file
from unisign.models.language_models import load_language_model, read_kept_pieces


@pytest.fixture
def run(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Call the command in a folder of its own; returns exit code, output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, 'argv', ['trim_vocabulary.py', *arguments])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'tools/models/trim_vocabulary.py'), run_name='__main__')
        return stop.value.code, *capsys.readouterr()

    return call


def test_from_a_corpus_to_a_merged_checkpoint(run, tmp_path: Path) -> None:
    full = make_folder(tmp_path / 'full', train_tokenizer(make_texts(600)))
    (tmp_path / 'corpus.txt').write_text('\n'.join(make_texts(30, seed=1)), encoding='utf-8')
    state = {f'head.language_model.{k}': v for k, v in load_language_model(str(full)).state_dict().items()}
    torch.save({'state_dict': state | {'pose_encoder.x': torch.ones(2)}}, 'full.pth')
    make = ('full', '--corpus', 'corpus.txt', '--out', 'small', '--only-used')
    code, out, error = run(*make, '--checkpoint', 'full.pth', '--out-checkpoint', 'small.pth')
    assert code == 0, error
    kept = read_kept_pieces('small')
    rows = len(kept.rows)
    assert (
        f'wrote small: {rows} of {kept.full_rows} rows' in out
        and '30 of 30 texts of the corpus keep their pieces' in out
    )
    assert "language_model='small', pretrained=True" in out and 'weights: ' in out
    assert load_state_dict_file('small.pth')['head.language_model.lm_head.weight'].shape == (rows, 24)
    code, out, error = run('small', '--merge', 'small.pth', '--checkpoint', 'full.pth', '--out-checkpoint', 'm.pth')
    assert code == 0 and 'with the full vocabulary' in out, error
    merged, before = load_state_dict_file('m.pth'), load_state_dict_file('full.pth')
    assert merged.keys() == before.keys() and all(torch.equal(merged[name], before[name]) for name in before)
    code, _, error = run(*make)
    assert (
        code == 1 and error == 'DataError: small: is there already, and not empty. Name another folder, or remove it.\n'
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ('full', 'nothing to do'),
        ('full --corpus a.txt', '--corpus and --out belong together'),
        ('small --checkpoint a.pth', '--checkpoint and --out-checkpoint belong together'),
        ('small --merge a.pth', 'nothing to do'),
        ('full --corpus a.txt --out b --merge c.pth', '--merge wants --checkpoint'),
        ('full --corpus a.txt --out b --min-count 0', '--min-count 0: 1 or more'),
    ],
)
def test_arguments_that_do_not_go_together(run, arguments: str, message: str) -> None:
    code, _, error = run(*arguments.split())
    assert code == 2 and message in error
