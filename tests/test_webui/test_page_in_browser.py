"""The page in Chromium, as a visitor uses it."""

import re
import time

import pytest
from page_client import CLIP, POSE, RGB

pytestmark = pytest.mark.slow

FOUND = '#evidence:not([hidden])'


def expected(served, checkout, name, lang='en'):
    video = checkout / 'data' / 'toy' / 'videos' / f'{CLIP}.mp4'
    return served.inferencers[name](str(video), poses=str(checkout / f'{CLIP}.npz'), lang=lang)


def translate(window, name=None, lang='en'):
    if name:
        window.select_option('#model', name)
    window.select_option('#lang', lang)
    window.click('#translate')
    window.wait_for_selector(FOUND)


def until(condition):
    """Wait; Playwright's own waiting for JavaScript is forbidden by the page's policy, as any other eval is."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def duration(window, video):
    """In seconds, once the browser has read so far: until then it is no number, whatever the page shows."""
    until(lambda: window.evaluate(f'{video}.readyState >= HTMLMediaElement.HAVE_METADATA'))
    return window.evaluate(f'{video}.duration')


def percents(window):
    return [
        float(text.removesuffix(' %')) for text in window.locator('#nbest li > span:nth-child(2)').all_inner_texts()
    ]


def test_a_clip_is_answered_as_by_the_inferencer(open_page, served, checkout, choose):
    window = open_page()
    choose(window)
    for name, lang in ((POSE, 'zh'), (RGB, 'en')):
        answer = expected(served, checkout, name, lang)
        translate(window, name, lang)
        assert window.inner_text('#answer') == (answer.text or '(nothing)')
        assert window.locator('#nbest li > span:first-child').all_inner_texts() == [
            text or '(nothing)' for text, _ in answer.nbest
        ]
        assert percents(window) == pytest.approx([100 * score for _, score in answer.nbest], abs=0.5)
        for place in ('#answer', '#status span', '#nbest li:first-child > span:first-child'):
            assert window.get_attribute(place, 'lang') == lang
        assert window.inner_text('#status').startswith(f'Answer: {answer.text or "(nothing)"}')
    # The last one was the RGB-pose model: what it saw is there, and the drawn video plays.
    assert window.locator('.cards img[alt*="hand at"]').count() >= 2
    assert re.search(r'picture[^.]* of the hands', window.inner_text('#looked'))
    video = "document.getElementById('drawn')"
    size = window.evaluate(f'{video}.play().then(() => [{video}.videoWidth, {video}.videoHeight])')
    assert max(size) == 480 and duration(window, 'drawn') == pytest.approx(duration(window, 'preview'), abs=0.1)
    until(lambda: window.evaluate(f'{video}.currentTime > 0'))
    loaded = 'Array.from(document.images).every((one) => one.complete && one.naturalWidth > 0)'
    until(lambda: window.evaluate(loaded))
    assert served.uploads() == []


def test_a_phone(open_page, choose):
    window = open_page(360, 740, has_touch=True, is_mobile=True, device_scale_factor=2)
    choose(window)
    translate(window, RGB)
    assert window.evaluate('document.documentElement.scrollWidth') == 360
    wide = 'Array.from(document.querySelectorAll("main *")).filter((e) => e.getBoundingClientRect().right > 361).length'
    assert window.evaluate(wide) == 0
    for control in ('.button:visible', 'select'):
        assert all(box['height'] >= 44 for box in (one.bounding_box() for one in window.locator(control).all()))


def test_with_the_keyboard_alone(open_page, served, choose):
    window = open_page()
    order = []
    for _ in range(7):
        window.keyboard.press('Tab')
        order.append(window.evaluate('document.activeElement.id || document.activeElement.tagName'))
    assert order == ['A', 'video', 'record', 'SUMMARY', 'model', 'lang', 'translate']
    outline = 'getComputedStyle(document.activeElement.closest(".button")).outlineStyle'
    assert window.evaluate(outline) == 'solid'
    window.keyboard.press('Enter')
    assert window.inner_text('#problem') == 'Choose a video first, or record one.'
    choose(window)  # the system's own dialogue
    window.focus('#model')
    window.keyboard.type(RGB)
    window.focus('#translate')
    window.keyboard.press('Space')
    window.wait_for_selector(FOUND)
    assert window.inner_text('#about').startswith(RGB)


def test_what_a_screen_reader_is_told(open_page, choose):
    window = open_page()
    tree = window.locator('body').aria_snapshot()
    for line in (
        '- heading "Sign language to text" [level=1]',
        '- form "Your clip"',
        '- button "Choose a video"',
        '- button "Record"',
        '- combobox "Model"',
        '- combobox "Answer in"',
        '- button "Translate"',
        '- status',
        '- region "Answer"',
    ):
        assert line in tree, f'{line} is missing in\n{tree}'
    window.click('#translate')
    assert '- alert: Choose a video first' in window.locator('body').aria_snapshot()
    choose(window)
    translate(window, RGB)
    tree = window.locator('body').aria_snapshot()
    for pattern in (
        r'- status: "?Answer: ',
        r'- heading "Best answers" \[level=3\]',
        r'- img "(Right|Left) hand at \d+\.\d\d s, with its keypoints"',
        r'- term: "?Right hand \d',
        r'- button "Pose file',
    ):
        assert re.search(pattern, tree), f'{pattern} is missing in\n{tree}'
    assert window.get_attribute('html', 'lang') == 'en'
    nameless = "Array.from(document.querySelectorAll('video, img')).filter((e) => !e.alt && !e.ariaLabel).length"
    assert window.evaluate(nameless) == 0


# Contrast as WCAG 2 defines it, of everything that is written, against what lies below it.
CONTRASTS = """() => {
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const below = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = parse(getComputedStyle(one).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
  };
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('noscript')) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(below(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    found.push([contrast, element.outerHTML.slice(0, 80)]);
  }
  return found;
}"""


@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_contrast(open_page, choose, scheme):
    window = open_page(color_scheme=scheme)
    window.click('#translate')  # the error is shown too
    contrasts = window.evaluate(CONTRASTS)
    choose(window)
    translate(window, RGB)
    contrasts += window.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [one for one in contrasts if one[0] < 4.5] == []


def test_recording(open_page, served):
    window = open_page()
    window.click('#record')
    until(lambda: '2 s' in window.inner_text('#record'))
    assert window.is_visible('#camera') and window.is_disabled('#translate')
    window.click('#record')
    window.wait_for_selector('#preview:visible')
    assert window.inner_text('#chosen').startswith('recording.webm, ')
    translate(window, POSE)
    assert 'It read' in window.inner_text('#looked')
    assert 1 < duration(window, 'drawn') < 4
    assert served.uploads() == []


def test_mistakes_are_told_in_words(open_page, served, clip):
    window = open_page()

    def told(name, content):
        window.set_input_files('#video', {'name': name, 'mimeType': '', 'buffer': content})
        window.click('#translate')
        window.wait_for_selector('#problem:visible')
        window.wait_for_selector('#translate:enabled')
        return window.inner_text('#problem')

    assert told('none.mp4', b'') == 'none.mp4: the file is empty (0 bytes).'
    assert told('large.mp4', bytes(2_000_001)) == 'large.mp4: larger than 2 MB.'
    assert told('<b>letter</b>.mp4', b'Dear friend, ' * 99).startswith('<b>letter</b>.mp4: cannot be read as a video')
    video, (_, poses) = clip['video'], clip['poses']
    window.click('#more summary')
    window.set_input_files('#poses', {'name': 'cut.npz', 'mimeType': '', 'buffer': poses[:-900]})
    assert window.evaluate('poses.files.length') == 1
    window.evaluate('video = null')
    window.set_input_files('#video', {'name': video[0], 'mimeType': '', 'buffer': video[1]})
    assert window.evaluate('poses.files.length') == 0  # they belonged to the video before
    window.set_input_files('#poses', {'name': 'cut.npz', 'mimeType': '', 'buffer': poses[:-900]})
    window.click('#translate')
    window.wait_for_selector('#problem:visible')
    assert window.inner_text('#problem').startswith('cut.npz: ')
    assert served.uploads() == []


def test_cancel(open_page, served, choose):
    window = open_page()
    choose(window, poses=False)
    served.hold.clear()
    try:
        window.click('#translate')
        until(lambda: window.inner_text('#status') == 'Finding the keypoints.')
        assert window.get_attribute('#form', 'aria-busy') == 'true' and len(served.uploads()) == 1
        window.click('#cancel')
        until(lambda: window.inner_text('#status') == 'Cancelled.')
    finally:
        served.hold.set()
    assert window.inner_text('#problem') == '' and window.is_enabled('#translate')
    choose_again = window.evaluate('document.getElementById("preview").hidden')
    assert choose_again is False
    translate(window)
    assert served.uploads() == []
