"""Weights by their name in the zoo, against a hub on this machine."""

import multiprocessing
from pathlib import Path

import pytest
from hub_server import CONTENT, SHA256, serve_hub, write_zoo
from huggingface_hub import constants
from huggingface_hub.utils import reset_sessions

from unisign.checkpoints import checkpoint_file, fetch_weights, load_state_dict_file
from unisign.structures import DataError

NAME = 'stage3_small_pose'


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The hub as the mirror in ``HF_ENDPOINT``, empty caches, and a package with a small zoo."""
    for name in ('http_proxy', 'HTTP_PROXY', 'HF_HUB_OFFLINE', 'HF_TOKEN'):
        monkeypatch.delenv(name, raising=False)
    # huggingface_hub read these when it was imported
    monkeypatch.setattr(constants, 'HF_HUB_OFFLINE', False)
    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path / 'hf'))
    reset_sessions()
    monkeypatch.setenv('UNISIGN_CACHE', str(tmp_path / 'cache'))
    write_zoo(tmp_path / 'package')
    monkeypatch.setattr('unisign.checkpoints.zoo.package_root', lambda: tmp_path / 'package')
    with serve_hub() as server:
        monkeypatch.setenv('HF_ENDPOINT', server.url)
        yield server
    reset_sessions()


def kept(tmp_path: Path) -> Path:
    return tmp_path / 'cache/zoo/small.pth'


def downloads(hub) -> list[str | None]:
    """Return the range that each download asked for; None is the whole file."""
    return [asked for _, path, asked in hub.asked if path == '/storage']


def test_fetched_once_and_the_licence_comes_first(hub, tmp_path):
    said = []
    for _ in range(2):
        path = fetch_weights(NAME, say=lambda line: said.append((line, len(hub.asked))))
    assert path == kept(tmp_path) and path.read_bytes() == CONTENT
    assert downloads(hub) == [None] and ('GET', f'/owner/models/resolve/{"0" * 40}/small.pth', None) in hub.asked
    licence, asked_by_then = said[1]
    assert 'licence of these weights: CC BY-NC 4.0' in licence and asked_by_then == 0
    assert said[0] == (f'small.pth of owner/models, from {hub.url}', 0)
    assert f'SHA-256 as the hub tells it: {SHA256}; no checksum is known here' in said[2][0] and len(said) == 3
    assert sorted(file.suffix for file in path.parent.iterdir()) == ['.lock', '.pth']


def test_cut_and_resumed(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, 'DOWNLOAD_CHUNK_SIZE', 16_000)  # what is kept of a cut: whole pieces, of 10 MB else
    hub.handler.stop_after = 40_000
    with pytest.raises(DataError, match=r'could not be downloaded.*Try again: it goes on from where it stopped'):
        fetch_weights(NAME)
    assert not kept(tmp_path).exists()
    hub.handler.stop_after = None
    assert fetch_weights(NAME).read_bytes() == CONTENT
    assert downloads(hub) == [None, 'bytes=32000-']
    assert hub.sent == [40_000, len(CONTENT) - 32_000]


def test_what_the_hub_tells_is_checked(hub, tmp_path):
    hub.handler.content = CONTENT[::-1]
    with pytest.raises(DataError, match=f'SHA-256 is [0-9a-f]{{64}}, expected {SHA256}. It was removed'):
        fetch_weights(NAME)
    assert not list((tmp_path / 'cache').rglob('small.pth'))
    hub.handler.content = CONTENT
    assert fetch_weights(NAME).read_bytes() == CONTENT  # the damaged file is not taken up again


@pytest.mark.parametrize(
    ('known', 'message'),
    [
        ({'sha256': 'f' * 64}, rf'the SHA-256 is {SHA256}, expected f{{64}}\.'),
        ({'size': '17'}, r'has 102,400 bytes, expected 17\.'),
    ],
)
def test_what_the_zoo_knows_is_checked(hub, tmp_path, monkeypatch, known, message):
    write_zoo(tmp_path / 'other', **known)
    monkeypatch.setattr('unisign.checkpoints.zoo.package_root', lambda: tmp_path / 'other')
    with pytest.raises(DataError, match=message):
        fetch_weights(NAME)
    assert not list((tmp_path / 'cache').rglob('small.pth'))


def fetch_and_tell(answers) -> None:
    said = []
    answers.put((fetch_weights(NAME, say=said.append).read_bytes() == CONTENT, said))


def test_two_processes_at_once(hub):
    hub.handler.delay = 1.5
    context = multiprocessing.get_context('fork')
    answers = context.Queue()
    both = [context.Process(target=fetch_and_tell, args=(answers,)) for _ in range(2)]
    for process in both:
        process.start()
    told = [answers.get(timeout=60) for _ in both]
    for process in both:
        process.join(60)
    assert [right for right, _ in told] == [True, True]
    assert hub.sent == [len(CONTENT)]  # one download
    first, second = sorted((said for _, said in told), key=len, reverse=True)
    assert len(first) == 3 and second == ['another process is fetching small.pth: waiting for it']


def test_no_network(hub, tmp_path, monkeypatch):
    monkeypatch.setenv('HF_ENDPOINT', 'http://127.0.0.1:9')
    with pytest.raises(DataError) as error:
        fetch_weights(NAME)
    assert 'could not be downloaded (Failed to establish a new connection' in str(error.value)
    assert str(error.value).endswith(f'without network, fetch it elsewhere and lay it at {kept(tmp_path)}.')
    kept(tmp_path).write_bytes(CONTENT)
    assert fetch_weights(NAME) == kept(tmp_path)
    assert hub.asked == []


@pytest.mark.parametrize('how', ['argument', 'variable'])
def test_offline(hub, tmp_path, monkeypatch, how):
    if how == 'variable':
        monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(DataError, match=r'not on this machine, and the network may not be used\. Fetch https://hugg'):
        fetch_weights(NAME, offline=how == 'argument')
    in_hubs_cache = tmp_path / 'hf/models--owner--models/snapshots/main'
    in_hubs_cache.mkdir(parents=True)
    (in_hubs_cache / 'small.pth').write_bytes(CONTENT)
    assert fetch_weights(NAME, offline=how == 'argument') == in_hubs_cache / 'small.pth'
    assert fetch_weights(NAME, tmp_path / 'here', offline=True).read_bytes() == CONTENT
    assert [file.name for file in (tmp_path / 'here').glob('[!.]*')] == ['small.pth']
    assert hub.asked == []


def test_another_name_on_the_hub(hub, tmp_path):
    with pytest.raises(DataError, match=r'models/tree/main and name the file: tools/models/download\.py NAME --file'):
        fetch_weights(NAME, other_file='smal.pth')
    assert fetch_weights(NAME, tmp_path, other_file='weights/small.pth') == tmp_path / 'small.pth'
    assert ('GET', f'/owner/models/resolve/{"0" * 40}/weights/small.pth', None) in hub.asked


def test_names_stand_for_files(hub, tmp_path, monkeypatch):
    assert checkpoint_file('some/where.pth') == Path('some/where.pth')
    with pytest.raises(DataError, match=r'stage3_smal: there is no such checkpoint.*Did you mean stage3_small_pose'):
        checkpoint_file('stage3_smal')
    with pytest.raises(DataError, match=r'stage1_small_pose: no published weights of it are known\. Train it'):
        checkpoint_file('stage1_small_pose')
    with pytest.raises(DataError, match=r'small\.pth: (truncated|not a checkpoint)'):  # it was fetched, and then read
        load_state_dict_file(NAME)
    assert checkpoint_file(NAME) == kept(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).mkdir()  # what exists is a path
    assert checkpoint_file(NAME) == Path(NAME)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        ({'sha256': 'abc'}, r'ValueError: stage3_small_pose: Weights SHA256 should be 64 digits, or unknown'),
        ({'address': 'https://example.org/small.pth'}, r'Weights should be an address https://huggingface\.co/OWNER'),
        ({'size': '1}, Broken: {'}, r'is no metafile of a model zoo \('),
    ],
)
def test_a_metafile_that_is_wrong(tmp_path, monkeypatch, wrong, message):
    monkeypatch.setattr('unisign.checkpoints.zoo.package_root', lambda: tmp_path)
    with pytest.raises(DataError, match=r'metafile\.yml: cannot be read .*Install unisign again'):
        fetch_weights(NAME)
    write_zoo(tmp_path, **wrong)
    with pytest.raises(DataError, match=message):
        fetch_weights(NAME)


def test_a_place_that_cannot_be_written(hub, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match=r'weights cannot be kept there \(Not a directory\)\. Name another: --out'):
        fetch_weights(NAME, tmp_path / 'file/weights')
    assert hub.asked == []
