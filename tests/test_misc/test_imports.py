"""What importing costs, and which room may import which (the order of the rooms: docs, "the way of the data")."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A room imports from those before it. engine (it runs them) and apis (the way without a dataset) may import any.
ORDER = (
    'version',
    'optional',
    'registry',
    'structures',
    'segmentation',
    'checkpoints',
    'stores',
    'pose',
    'datasets',
    'frame_samplers',
    'models',
    'evaluation',
    'engine',
    'deployment',
    'visualization',
    'analysis',
    'apis',
    'toy',
    'collect_env',
    'check_pose',
    'webui',
)
MAY_IMPORT_ANY = ('engine', 'apis')
# torchvision is not among them: transformers imports it where it is installed.
NEVER_AT_IMPORT = (
    'mmcv',
    'mmpose',
    'mmdet',
    'decord',
    'mediapipe',
    'gradio',
    'starlette',
    'uvicorn',
    'matplotlib.pyplot',
    'deepspeed',
    'peft',
    'onnx',
    'onnxruntime',
    'onnxscript',
)
# What one must not pay for before using anything.
HEAVY = (*NEVER_AT_IMPORT, 'torch', 'torchvision', 'numpy', 'mmengine', 'transformers', 'cv2', 'av')


def run_python(repo: Path, code: str) -> str:
    environment = {**os.environ, 'PYTHONPATH': str(repo)}
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=environment, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


def rooms(repo: Path) -> dict[str, list[Path]]:
    """Return the Python files of each room; a module beside the rooms is one of its own."""
    found: dict[str, list[Path]] = {}
    for path in sorted((repo / 'unisign').rglob('*.py')):
        name = path.relative_to(repo / 'unisign').parts[0].removesuffix('.py')
        if name != '__init__':
            found.setdefault(name, []).append(path)
    return found


def imported_rooms(path: Path, room: str) -> set[str]:
    """Return the rooms that a file imports, inside functions too."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f'{path}:{node.lineno} imports relatively; write the full name'
            # "from unisign import registry" names the room among the names.
            names += [f'unisign.{alias.name}' for alias in node.names] if node.module == 'unisign' else [node.module]
    parts = [name.split('.') for name in names]
    found = {name[1] for name in parts if name[0] == 'unisign' and len(name) > 1 and name[1] != '__version__'}
    return found - {room}


def test_every_room_has_its_place(repo):
    assert set(rooms(repo)) <= set(ORDER), 'name a new room in ORDER, where the data passes it'
    assert len(rooms(repo)) >= 14


def test_imports_point_up(repo):
    wrong = [
        f'{path.relative_to(repo)} imports unisign.{other}'
        for room, paths in rooms(repo).items()
        if room not in MAY_IMPORT_ANY
        for path in paths
        for other in sorted(imported_rooms(path, room))
        if ORDER.index(other) > ORDER.index(room)
    ]
    assert not wrong, '\n'.join(wrong)


def test_no_circle_of_rooms(repo):
    graph = {room: set().union(*(imported_rooms(path, room) for path in paths)) for room, paths in rooms(repo).items()}
    done: set[str] = set()
    while ready := {room for room in set(graph) - done if graph[room] <= done}:
        done |= ready
    assert done == set(graph), f'these rooms import each other: {sorted(set(graph) - done)}'


def test_imports_are_found(tmp_path):
    source = 'import unisign.models.heads\nfrom unisign import registry, __version__\nfrom unisign.toy import a\n'
    (tmp_path / 'a.py').write_text(source + 'def f():\n    from unisign.apis import b\n    import os\n')
    assert imported_rooms(tmp_path / 'a.py', 'toy') == {'models', 'registry', 'apis'}


def test_import_unisign_is_free(repo):
    loaded = json.loads(run_python(repo, 'import json, sys, unisign; print(json.dumps(sorted(sys.modules)))'))
    assert 'unisign' in loaded
    assert not set(HEAVY) & set(loaded)


CHILD = """
import importlib, json, os, sys, traceback
import torch, transformers, mmengine.runner  # once, for all children
for room in {rooms!r}:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module('unisign.' + room)
            print(json.dumps([room, sorted(set({never!r}) & set(sys.modules))]), flush=True)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit('unisign.' + room + ' cannot be imported alone')
"""


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs fork')
def test_each_room_imports_alone_and_without_the_optional_packages(repo):
    names = list(rooms(repo))
    lines = run_python(repo, CHILD.format(rooms=names, never=NEVER_AT_IMPORT)).splitlines()
    results = dict(map(json.loads, lines))
    assert results == {name: [] for name in names}
