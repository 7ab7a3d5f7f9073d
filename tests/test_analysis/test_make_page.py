"""The HTML page: what it shows, that texts cannot run, pictures, limits; and once in Chromium."""

import base64
import html
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from made_predictions import write
from PIL import Image

from unisign.analysis.make_page import make_page
from unisign.analysis.page_clips import choose_clips
from unisign.analysis.page_pictures import ClipPictures
from unisign.evaluation import Prediction
from unisign.structures import DataError
from unisign.visualization.video_io import write_video

EVIL = '</td><script>document.title="ran"</script><img src=x onerror=alert(1)>"\'&'
LINES = (
    {'id': 'a', 'ref': '我想吃面条。', 'pred': '我想吃米饭。', 'lang': 'zh', 'score': 0.25},
    {'id': 'b', 'ref': 'the cat eats', 'pred': 'the cat eats', 'lang': 'en', 'score': 0.5},
    {'id': 'c', 'ref': 'one two three', 'pred': '', 'lang': 'en', 'score': None, 'failure': 'cut off'},
    {'id': EVIL, 'ref': EVIL, 'pred': f'{EVIL} x', 'lang': '"><script>', 'score': 0.75, 'nbest': [[EVIL, 0.1]]},
)


class Elements(HTMLParser):
    """Collects the tags with their attributes, and the text of scripts and cells."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture
def preds(tmp_path):
    return write(tmp_path / 'p.jsonl', *LINES, task='slt', dataset='toy')


def test_texts_cannot_run(preds, tmp_path):
    out = tmp_path / 'new' / 'page.html'
    written = make_page(preds, out, title=EVIL)
    page = Elements(out.read_text(encoding='utf-8'))
    assert (written.clips, written.of_clips, written.size) == (4, 4, out.stat().st_size)
    assert len(page.of('script')) == 1 and page.of('img') == []
    assert not any(name.startswith('on') for _, attributes in page.tags for name in attributes)
    (policy,) = [one['content'] for one in page.of('meta') if one.get('http-equiv') == 'Content-Security-Policy']
    assert policy.startswith("default-src 'none'") and 'unsafe' not in policy
    assert [one for _, attributes in page.tags for one in attributes if one in ('src', 'href')] == []  # nothing outside
    assert 'http' not in re.sub(r'http-equiv', '', out.read_text(encoding='utf-8'))
    assert {one['data-id'] for one in page.of('tr') if 'data-id' in one} == {'a', 'b', 'c', EVIL}
    assert EVIL in ''.join(page.texts)


def test_differences_are_marked(preds, tmp_path):
    make_page(preds, tmp_path / 'page.html')
    page = (tmp_path / 'page.html').read_text(encoding='utf-8')
    assert '我想吃<del>面条</del>。' in page and '我想吃<ins>米饭</ins>。' in page
    assert '>the cat eats</td>' in page
    assert '<del>one two three</del>' in page and '<span class="nothing">(nothing)</span>' in page
    assert 'not read: cut off' in page
    assert f'{html.escape(EVIL)} <ins>x</ins>' in page
    assert 'lang="zh"' in page and '<option value="zh">zh</option>' in page


def test_which_clips(tmp_path):
    clips = [Prediction(str(place), pred, 'a b c d', score) for place, (pred, score) in enumerate(
        [('a b c d', 0.9), ('x', 0.1), ('a b c x', 0.5), ('y', 0.8)]
    )]  # fmt: skip
    langs = ['en'] * 4

    def ids(task, which, limit=4, seed=0):
        return ''.join(one.prediction.id for one in choose_clips(task, clips, langs, which, limit, seed))

    assert ids('slt', 'worst') == '3120'  # of the two at 0 the one the model was surer of
    assert ids('cslr', 'worst') == '3120' and ids('cslr', 'best', 2) == '02'
    assert ids('islr', 'worst', 3) == '321'
    assert ids('slt', 'first', 2) == '01'
    assert ids('slt', 'random', 2, 1) == ids('slt', 'random', 2, 1)
    assert len({ids('slt', 'random', 2, seed) for seed in range(20)}) > 2
    with pytest.raises(DataError, match='should be 1 or more, got 0'):
        ids('slt', 'worst', 0)
    rates = [one.score for one in choose_clips('cslr', [*clips, Prediction('4', 'a', '')], [''] * 5, 'first', 5)]
    assert rates == [0, 100, 25, 100, float('inf')]


def toy_predictions(corpus, path, number=6):
    lines = (corpus / 'annotations' / 'islr_test.jsonl').read_text(encoding='utf-8').splitlines()[:number]
    rows = [json.loads(line) for line in lines]
    rows = [{'id': row['id'], 'ref': row['text'], 'pred': row['text'] if place % 2 else 'x', 'lang': 'en',
             'score': place / 10} for place, row in enumerate(rows)]  # fmt: skip
    return write(path, *rows, task='islr'), corpus / 'annotations' / 'islr_test.jsonl'


def test_skeletons(toy_tiny, tmp_path):
    predictions, annotations = toy_predictions(toy_tiny, tmp_path / 'p.jsonl')
    pictures = ClipPictures(annotations, number=3, width=80)
    written = make_page(predictions, tmp_path / 'page.html', pictures, limit=4)  # no videos there: skeletons
    images = Elements((tmp_path / 'page.html').read_text(encoding='utf-8')).of('img')
    assert len(images) == 12 and written.without_pictures == {}
    assert all(one['src'].startswith('data:image/jpeg;base64,') and one['width'] == '80' for one in images)
    frames = [int(re.match(r'frame (\d+) of sign-test', one['alt'])[1]) for one in images]
    assert 0 < frames[0] < frames[1] < frames[2]
    assert len({one['src'] for one in images}) == 12


def test_frames_of_a_video(tmp_path):
    """Frame i is of brightness 4 * i: the pictures show the frames that they name, between start and end."""
    write_video(tmp_path / 'v.mp4', [np.full((96, 128, 3), 4 * i, dtype=np.uint8) for i in range(60)], 25)
    clip = {'id': 'a', 'video': 'v.mp4', 'start': 20, 'end': 50}
    (tmp_path / 'ann.jsonl').write_text(json.dumps(clip), encoding='utf-8')
    pictures = ClipPictures(tmp_path / 'ann.jsonl', number=2, width=64).draw('a')
    assert [(one.frame, one.width, one.height) for one in pictures] == [(10, 64, 48), (19, 64, 48)]
    for one in pictures:
        image = Image.open(io.BytesIO(base64.b64decode(one.uri.partition(',')[2])))
        assert np.asarray(image).mean() == pytest.approx(4 * (20 + one.frame), abs=6)


def test_what_cannot_be_drawn_is_said(toy_tiny, tmp_path):
    predictions, annotations = toy_predictions(toy_tiny, tmp_path / 'p.jsonl')
    missing = make_page(predictions, tmp_path / 'a.html', ClipPictures(annotations, kind='video')).without_pictures
    assert len(missing) == 6 and all('there is no such video' in reason for reason in missing.values())
    assert 'no picture: ' in (tmp_path / 'a.html').read_text(encoding='utf-8')
    small = make_page(predictions, tmp_path / 'b.html', ClipPictures(annotations, width=64), max_megabytes=0.001)
    assert list(small.without_pictures.values()) == ['the page has reached its size'] * 5
    others = write(tmp_path / 'o.jsonl', ('a', 'a'), task='islr')
    with pytest.raises(DataError, match=r"has none of the 1 clips \(first: 'c0'\)"):
        make_page(others, tmp_path / 'c.html', ClipPictures(annotations))
    with pytest.raises(DataError, match='Ask for 1 to 12'):
        ClipPictures(annotations, number=0)
    assert not (tmp_path / 'c.html').exists()


def test_the_command(tool, preds, tmp_path):
    text = tool('make_page.py', preds, '--out', tmp_path / 'page.html', '--which', 'first', '--limit', '2')
    assert re.fullmatch(r'Written: .*page\.html, 2 of 4 clips, 0\.0 MB\n', text)
    (tmp_path / 'folder').mkdir()
    assert 'cannot be written' in tool('make_page.py', preds, '--out', tmp_path / 'folder')
    assert 'cannot be read' in tool('make_page.py', tmp_path / 'none.jsonl', '--out', tmp_path / 'page.html')
    assert 'annotation file cannot be read' in tool(
        'make_page.py', preds, '--out', tmp_path / 'page.html', '--ann', tmp_path / 'none.jsonl'
    )


@pytest.fixture
def window(preds, tmp_path, chromium):
    """The page of four sentences in a window; whatever asks for anything outside or fails, fails the test."""
    make_page(preds, tmp_path / 'page.html')
    context = chromium.new_context(viewport={'width': 1000, 'height': 700}, offline=True)
    window, problems = context.new_page(), []
    window.on('console', lambda message: problems.append(message.text))
    window.on('pageerror', lambda error: problems.append(str(error)))
    window.on('request', lambda one: problems.append(one.url) if not one.url.startswith(('file:', 'data:')) else None)
    window.goto((tmp_path / 'page.html').as_uri())
    yield window
    context.close()
    assert problems == []


def order(window):
    return [row.get_attribute('data-id')[:1] for row in window.locator('tbody tr:visible').all()]


@pytest.mark.slow
def test_sorting_and_finding_in_chromium(window):
    assert window.title() == 'p' and order(window) == ['c', 'a', '<', 'b']
    head = window.locator('thead th')
    window.get_by_role('button', name='Probability').click()
    assert order(window) == ['a', 'b', '<', 'c']  # without one: last
    assert head.nth(4).get_attribute('aria-sort') == 'ascending'
    window.keyboard.press('Enter')  # the button has the focus
    assert order(window) == ['<', 'b', 'a', 'c'] and head.nth(4).get_attribute('aria-sort') == 'descending'
    window.get_by_role('button', name='Clip').click()
    assert order(window) == ['<', 'a', 'b', 'c'] and head.nth(4).get_attribute('aria-sort') is None
    window.get_by_label('Find in clips and texts').fill('面条')
    assert order(window) == ['a'] and window.inner_text('#number') == '1 of 4 clips'
    window.get_by_label('Find in clips and texts').fill('')
    window.get_by_label('Show', exact=True).select_option('right')
    assert order(window) == ['b']
    window.get_by_label('Show', exact=True).select_option('all')
    window.get_by_label('Language').select_option('en')
    assert order(window) == ['b', 'c']
    tree = window.locator('body').aria_snapshot()
    for line in ('- columnheader "Reference"', '- rowheader', '- searchbox "Find in clips and texts"', '- status'):
        assert line in tree, tree
