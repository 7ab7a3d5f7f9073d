"""Every relative link and every code block of the documentation holds."""

import json
import re
from pathlib import Path

import pytest
import torch
from doc_commands import Command, commands_of, problem_of
from doc_pages import anchors_of, blocks_of, links_of

REPO = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*REPO.glob('*.md'), *REPO.glob('docs/**/*.md'), *REPO.glob('projects/**/*.md'), *REPO.glob('configs/**/*.md')]
)
BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def of_language(name):
    return [pytest.param(block, id=str(block)) for block in BLOCKS if block.language == name and not block.not_run]


def test_the_sweep_sees_the_documentation():
    names = {page.name for page in PAGES}
    assert {'README.md', 'CONTRIBUTING.md', 'model_zoo.md', 'own_data.md', 'add_a_module.md'} <= names
    assert {block.language for block in BLOCKS} <= {'bash', 'python', 'json', 'text'}
    assert len([block for block in BLOCKS if block.path == REPO / 'README.md']) >= 5


def test_the_index_lists_every_page():
    listed = {link.partition('#')[0] for link in links_of(REPO / 'docs' / 'README.md')}
    pages = {str(page.relative_to(REPO / 'docs')) for page in REPO.glob('docs/**/*.md')} - {'README.md'}
    assert pages - listed == set()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: str(page.relative_to(REPO)))
def test_links_resolve(page):
    broken = []
    for link in links_of(page):
        if link.startswith(('http://', 'https://', 'mailto:')):
            continue
        file, _, anchor = link.partition('#')
        target = (page.parent / file).resolve() if file else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize('block', of_language('json'))
def test_json_blocks_parse(block):
    for line in block.code.splitlines():
        assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize('block', of_language('bash'))
def test_commands_exist_and_take_their_arguments(block, monkeypatch):
    commands = commands_of(block.code)
    problems = {str(command): problem_of(command, REPO, monkeypatch) for command in commands}
    assert commands and {command: problem for command, problem in problems.items() if problem} == {}


def test_wrong_commands_are_found(monkeypatch):
    wrong = {
        'python tools/data/make_tea.py data/toy': 'no such file: tools/data/make_tea.py',
        'python tools/misc/check_text_files.py --colour': 'does not take these arguments',
        'python -m unisign.collect_tea': 'no module unisign.collect_tea',
        'pyton tools/lint.sh': 'pyton is no program',
    }
    for line, expected in wrong.items():
        (command,) = commands_of(line)
        assert expected in problem_of(command, REPO, monkeypatch)


def test_commands_are_read_like_a_shell_does():
    code = 'A=1 python x.py \\\n  --flag "two words"  # why\ngit clone u && cd u'
    assert commands_of(code) == [
        Command({'A': '1'}, ['python', 'x.py', '--flag', 'two words']),
        Command({}, ['git', 'clone', 'u']),
        Command({}, ['cd', 'u']),
    ]


def make_checkpoints(code):
    """Write, with random weights, the checkpoints that a block loads."""
    from unisign.apis import init_model

    for config, checkpoint in re.findall(r"init_model\(\s*'([^']+)',\s*'([^']+)'", code):
        Path(checkpoint).parent.mkdir(parents=True, exist_ok=True)
        torch.save({'state_dict': init_model(config, device='cpu').state_dict()}, checkpoint)


def test_python_blocks_run(toy_tiny, tmp_path, monkeypatch):
    """In order, each page in a namespace of its own, in a folder that looks like a checkout after training."""
    reader = tmp_path / 'checkout'
    (reader / 'data').mkdir(parents=True)
    for name in ('toy', 'toy_small'):
        (reader / 'data' / name).symlink_to(toy_tiny)
    (reader / 'configs').symlink_to(REPO / 'configs')
    monkeypatch.chdir(reader)
    ran = 0
    for page in PAGES:
        namespace = {'__name__': page.stem}
        for block in blocks_of(page):
            if block.language == 'python' and not block.not_run:
                make_checkpoints(block.code)
                exec(compile(block.code, str(block), 'exec'), namespace)
                ran += 1
    assert ran >= 3
