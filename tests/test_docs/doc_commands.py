"""Commands of ``bash`` blocks, and a check that the scripts they call take their arguments."""

import argparse
import importlib.util
import runpy
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from pytest import MonkeyPatch

# Names that stand for the reader's own files.
READERS_OWN = ('mysigns', 'mywords')
# Switches that the configs leave out where they are off (docs/fine_tuning.md).
LEFT_OUT = ('model.head.lora', 'optim_wrapper.paramwise_cfg')


class ArgumentsRead(Exception):  # noqa: N818 - no error
    """Raised in place of what the script would do once its arguments are read."""


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        environment: assignments in front of it.
        words: program and arguments.
    """

    environment: dict[str, str]
    words: list[str]

    def __str__(self) -> str:
        return shlex.join(self.words)


def commands_of(code: str) -> list[Command]:
    """Return the commands of a ``bash`` block: lines joined at backslashes, divided at ``&&``, without comments."""
    commands = []
    for line in code.replace('\\\n', ' ').splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars='&|;')
        lexer.whitespace_split, lexer.commenters = True, '#'
        words: list[str] = []
        for word in [*lexer, '&&']:
            if word in ('&&', ';', '|', '&'):
                if words:
                    commands.append(_command(words))
                words = []
            else:
                words.append(word)
    return commands


def _command(words: list[str]) -> Command:
    environment = {}
    while '=' in words[0] and not words[0].startswith('-'):
        name, environment[name] = words[0].split('=', 1)[0], words[0].split('=', 1)[1]
        words = words[1:]
    return Command(environment, words)


def problem_of(command: Command, repo: Path, monkeypatch: MonkeyPatch) -> str | None:
    """Return what is wrong with a command of the documentation, None if nothing is."""
    program, arguments = Path(command.words[0]).name, command.words[1:]
    missing = [word for word in _files_named(command) if not (repo / word).exists()]
    if missing:
        return f'no such file: {", ".join(missing)}'
    if program == 'python' and arguments[0] == '-m':
        return None if importlib.util.find_spec(arguments[1]) else f'no module {arguments[1]}'
    if program == 'python':
        return _script_problem(repo / arguments[0], arguments[1:], monkeypatch) or _options_problem(arguments, repo)
    known = {'bash', 'pip', 'git', 'cd', 'pre-commit', 'tensorboard', 'source'}
    return None if program in known else f'{program} is no program that the documentation uses'


def _files_named(command: Command) -> list[str]:
    words = [*command.words[1:], *command.environment.values()]
    named = [word for word in words if word.startswith(('tools/', 'configs/', 'projects/', 'demo/', 'tests/'))]
    return [word for word in named if not any(own in word for own in READERS_OWN)]


def _script_problem(script: Path, arguments: list[str], monkeypatch: MonkeyPatch) -> str | None:
    """Run the script up to the point where it has read its arguments."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_stop(self: argparse.ArgumentParser, args=None, namespace=None):
        parse(self, args, namespace)
        raise ArgumentsRead

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, 'parse_args', parse_and_stop)
        patch.setattr(sys, 'argv', [str(script), *arguments])
        patch.syspath_prepend(str(script.parent))  # as the interpreter does
        try:
            runpy.run_path(str(script), run_name='__main__')
        except ArgumentsRead:
            return None
        except SystemExit as stop:
            return f'{script.name} does not take these arguments (exit {stop.code}); its own words are on stderr'
    return f'{script.name} never read its arguments'


def _options_problem(arguments: list[str], repo: Path) -> str | None:
    """Check that what ``--cfg-options`` sets is in the config, so that no typing error stands in the documentation."""
    if '--cfg-options' not in arguments:
        return None
    config = Config.fromfile(repo / next(word for word in arguments if word.endswith('.py') and 'configs/' in word))
    for option in arguments[arguments.index('--cfg-options') + 1 :]:
        if option.startswith('--'):
            break
        parents = option.split('=', 1)[0].split('.')[:-1]
        if '.'.join(parents) in LEFT_OUT:
            continue
        node = config
        for key in parents:
            place = int(key) if isinstance(node, list) and key.isdigit() else key  # a number: a place in a list
            if place not in (range(len(node)) if isinstance(node, list) else node):
                return f'--cfg-options {option}: the config has no {key}'
            node = node[place]
    return None
