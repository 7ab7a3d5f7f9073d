"""collect_env and print_config."""

import runpy
import sys

import pytest
from mmengine.config import Config

import unisign
from unisign import collect_env


def test_collect_env_names_versions_and_what_is_missing(monkeypatch):
    monkeypatch.setitem(collect_env.OPTIONAL, 'nothing', (('no-such-package',), 'pip install it'))
    report = collect_env.collect_env()
    assert report['unisign'] == unisign.__version__
    assert report['nothing'] == 'not installed (pip install it)'
    assert {'torch', 'mmengine', 'transformers', 'numpy', 'PyAV', 'OpenCV', 'lmdb', 'sacrebleu', 'jiwer'} <= set(report)
    assert not [name for name, value in report.items() if not value or 'needed' in value]


def test_collect_env_reports_two_packages_in_each_others_place(monkeypatch):
    versions = {'mmengine': '0.10.7', 'onedl-mmengine': '0.10.12'}
    monkeypatch.setattr(collect_env.importlib.metadata, 'version', versions.__getitem__)
    text = collect_env._version(('onedl-mmengine', 'mmengine'))
    assert text == '0.10.12 (onedl-mmengine) AND 0.10.7 (mmengine): only one of them may be installed'


def test_print_config(repo, tmp_path, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['print_config.py', *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            runpy.run_path(str(repo / 'tools' / 'misc' / 'print_config.py'), run_name='__main__')
        return stop.value.code, capsys.readouterr()

    (tmp_path / 'base.py').write_text('model = dict(type="A", size=1)\n')
    (tmp_path / 'config.py').write_text('_base_ = ["base.py"]\nmodel = dict(size=2)\n')
    saved = tmp_path / 'out' / 'resolved.py'
    code, output = run(tmp_path / 'config.py', '--cfg-options', 'model.depth=3', '--save', saved)
    assert code == 0
    assert 'depth=3' in output.out
    assert Config.fromfile(saved).model == {'type': 'A', 'size': 2, 'depth': 3}
    code, output = run(tmp_path / 'none.py')
    assert (code, output.out) == (1, '')
    assert 'none.py: no such config file' in output.err
