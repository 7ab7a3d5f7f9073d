"""The report about the pose extra, where parts are there, missing, broken or there twice."""

import runpy
import sys
from types import SimpleNamespace

import pytest

from unisign import check_pose
from unisign.check_pose import PARTS, Finding, Part
from unisign.optional import versions_of

INSTALLED = {part.name for part in PARTS if versions_of(*part.distributions)}


def part(name: str = 'mmcv', needed: bool = True, trial=str) -> Part:
    return Part(name, (f'onedl-{name}', name), trial, needed=needed)


def test_report_where_all_is_well(monkeypatch, capsys) -> None:
    findings = [
        Finding(part(), {'onedl-mmcv': '2.3.6'}, True, 'with operators for the CPU'),
        Finding(part('decord', needed=False), {}),
    ]
    monkeypatch.setattr(check_pose, 'find_parts', lambda tried: findings)
    assert check_pose.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        'part    version  state',
        'mmcv    2.3.6    works, with operators for the CPU',
        'decord  -        missing, not needed',
        '                 -> bash tools/install_pose.sh',
        'The pose extra is complete.',
    ]


@pytest.mark.parametrize(
    ('finding', 'lines'),
    [
        (
            Finding(part(), {}),
            ['mmcv  -        missing', '               -> bash tools/install_pose.sh'],
        ),
        (
            Finding(part(), {'onedl-mmcv': '2.3.6'}, False, 'ImportError: undefined symbol'),
            [
                'mmcv  2.3.6    does not work: ImportError: undefined symbol',
                '               -> bash tools/install_pose.sh --anew',
            ],
        ),
    ],
)
def test_report_of_what_is_wrong(monkeypatch, capsys, finding: Finding, lines: list[str]) -> None:
    monkeypatch.setattr(check_pose, 'find_parts', lambda tried: [finding])
    assert check_pose.main([]) == 1
    _, *table, verdict = capsys.readouterr().out.splitlines()
    assert table == lines
    assert verdict == 'The pose extra is not complete: mmcv.'


def test_two_packages_in_one_place(monkeypatch) -> None:
    versions = {'onedl-mmcv': '2.3.6', 'mmcv': '2.1.0'}
    finding = Finding(part(), versions, True)  # whichever files were written last may well work
    assert not finding.fine
    text = check_pose.report([finding])
    assert 'onedl-mmcv and mmcv overwrite each other: only one of them may be installed' in text
    assert '-m pip uninstall -y mmcv onedl-mmcv && bash tools/install_pose.sh --anew' in text


def test_trials_run_one_after_the_other(monkeypatch, capsys) -> None:
    def fail() -> str:
        raise OSError('cannot open shared object\nand more')

    def talk() -> str:
        print('words of a library', end='')
        return 'fine'

    monkeypatch.setattr(check_pose, 'PARTS', (part('a', trial=fail), part('b', trial=talk), part('c')))
    check_pose._child(['a', 'b'])
    assert capsys.readouterr().out.splitlines() == [
        '',
        'unisign.check_pose: ["a", false, "OSError: cannot open shared object"]',
        'words of a library',
        'unisign.check_pose: ["b", true, "fine"]',
    ]


def test_a_crash_hides_nothing_behind_it(monkeypatch) -> None:
    asked = []

    def run(command, **options):
        asked.append(command[2].partition('; ')[2])
        names = {1: '["a", true, "fine"]', 2: '["c", true, ""]'}
        return SimpleNamespace(
            returncode=-11 if len(asked) == 1 else 0,
            stdout=f'noise\n{check_pose.MARK}{names[len(asked)]}\n',
            stderr='words\nundefined symbol\n',
        )

    monkeypatch.setattr(check_pose.subprocess, 'run', run)
    assert check_pose.try_parts([part('a'), part('b'), part('c')]) == {
        'a': (True, 'fine'),
        'b': (False, 'the process ended with -11: undefined symbol'),
        'c': (True, ''),
    }
    assert asked == ["_child(['a', 'b', 'c'])", "_child(['c'])"]


def test_the_command_looks_at_this_environment(repo, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, 'argv', ['check_pose.py', '--installed'])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(repo / 'tools' / 'misc' / 'check_pose.py'), run_name='__main__')
    output = capsys.readouterr().out
    missing = {part.name for part in PARTS if part.needed} - INSTALLED
    assert stop.value.code == bool(missing)
    assert [line.split()[0] for line in output.splitlines() if 'missing' in line] == [
        part.name for part in PARTS if part.name not in INSTALLED
    ]
    assert '\ntorch ' in output and len([line for line in output.splitlines() if 'installed' in line]) == len(INSTALLED)


@pytest.mark.slow
def test_what_is_installed_works() -> None:
    """True in every environment: what is there must not be broken."""
    findings = check_pose.find_parts()
    assert {finding.part.name for finding in findings} == {part.name for part in PARTS} and len(PARTS) == 11
    assert [f'{finding.part.name}: {finding.said}' for finding in findings if finding.works is False] == []
    assert {finding.part.name for finding in findings if finding.works} == INSTALLED
