"""One HTML file with clips, references and predictions, that opens without a network and runs nothing of the texts.

All texts are escaped, and the page's own policy allows exactly its one script and one style sheet, by their hashes.
"""

import hashlib
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources

from unisign.analysis.page_clips import SCORE_NAMES, Piece, ShownClip
from unisign.analysis.page_pictures import Picture
from unisign.analysis.report_files import NOTHING

# Column: title, key of the rows' data to sort by, whether these are numbers.
_COLUMNS = (
    ('Clip', 'id', False), ('Reference', 'ref', False), ('Prediction', 'pred', False), ('', 'score', True),
    ('Probability', 'probability', True),
)  # fmt: skip


def make_html(
    title: str,
    task: str,
    notes: Sequence[str],
    scores: Mapping[str, float],
    clips: Sequence[ShownClip],
    pictures: Mapping[tuple[str, str], Sequence[Picture] | str],
) -> str:
    """Return the page.

    Args:
        title: heading, any text.
        task: ``islr``, ``cslr`` or ``slt``.
        notes: sentences below the heading.
        scores: of the whole set.
        clips: those to show.
        pictures: by the key of the prediction: pictures, or why there are none. Clips that are not in it have none.
    """
    style, script = _static('page.css'), _static('page.js')
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    figures = ''.join(f'<div><dt>{escape(name)}</dt><dd>{value:.2f}</dd></div>' for name, value in scores.items())
    rows = '\n'.join(_row(task, place, one, pictures.get(one.prediction.key, ())) for place, one in enumerate(clips))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
{''.join(f'<p class="small">{escape(note)}</p>' for note in notes)}
<dl class="scores">{figures}</dl>
<p class="small">In references, <del>marked</del> is what the prediction lacks; in predictions, <ins>marked</ins> is
what does not belong.</p>
</header>
<main>
{_controls(clips)}
<table>
<caption>Clips with their references, predictions and scores; the buttons in the header sort</caption>
<thead><tr>{''.join(_head(task, *column) for column in _COLUMNS)}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
</main>
<script>{script}</script>
</body>
</html>
"""


def _static(name: str) -> str:
    return (resources.files('unisign.analysis') / 'static' / name).read_text(encoding='utf-8')


def _hash(content: str) -> str:
    return f'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'


def _controls(clips: Sequence[ShownClip]) -> str:
    langs = sorted({one.lang for one in clips if one.lang})
    options = ''.join(f'<option value="{escape(lang)}">{escape(lang)}</option>' for lang in langs)
    language = (
        f'<div><label for="language">Language</label><select id="language"><option value="all">all</option>{options}'
        '</select></div>'
    )
    return f"""<form class="controls" hidden role="search" aria-label="Which clips are shown">
<div><label for="search">Find in clips and texts</label><input id="search" type="search" autocomplete="off"></div>
<div><label for="shown">Show</label><select id="shown"><option value="all">all</option>
<option value="wrong">with mistakes</option><option value="right">without mistakes</option></select></div>
{language if len(langs) > 1 else ''}
<output id="number" aria-live="polite">{len(clips)} clips</output>
</form>"""


def _head(task: str, title: str, key: str, numeric: bool) -> str:
    name = title or SCORE_NAMES[task]
    kind = ' data-numeric="yes"' if numeric else ''
    return f'<th scope="col"><button type="button" data-key="{key}"{kind}>{name}</button></th>'


def _row(task: str, place: int, one: ShownClip, pictures: Sequence[Picture] | str) -> str:
    clip, lang = one.prediction, escape(one.lang)
    data = {
        'id': clip.id,
        'ref': clip.ref,
        'pred': clip.pred,
        'score': f'{one.score:.4f}' if math.isfinite(one.score) else '1e9',
        'probability': '' if clip.score is None else f'{clip.score:.6f}',
        'lang': one.lang,
        'state': 'right' if one.correct else 'wrong',
        'place': str(place),
    }
    attributes = ' '.join(f'data-{name}="{escape(value)}"' for name, value in data.items())
    probability = '' if clip.score is None else f'{clip.score:.3f}'
    language = f' lang="{lang}"' if lang and task != 'cslr' else ''
    return (
        f'<tr {attributes}>\n<th scope="row"><span dir="auto">{escape(clip.id)}</span>{_about(one)}'
        f'{_pictures(clip.id, pictures)}</th>\n'
        f'<td data-name="Reference" class="text" dir="auto"{language}>{_pieces(one.reference, "del")}</td>\n'
        f'<td data-name="Prediction" class="text" dir="auto"{language}>{_pieces(one.answer, "ins")}'
        f'{_candidates(one)}</td>\n'
        f'<td data-name="{SCORE_NAMES[task]}" class="number">{_score(task, one)}</td>\n'
        f'<td data-name="Probability" class="number">{probability}</td>\n</tr>'
    )


def _about(one: ShownClip) -> str:
    facts = ', '.join(escape(fact) for fact in (one.prediction.dataset, one.lang) if fact)
    failure = one.prediction.failure
    lost = f'<span class="failure">not read: {escape(failure)}</span>' if failure else ''
    return (f'<span class="meta">{facts}</span>' if facts else '') + lost


def _pictures(clip_id: str, pictures: Sequence[Picture] | str) -> str:
    if isinstance(pictures, str):
        return f'<span class="meta">no picture: {escape(pictures)}</span>' if pictures else ''
    images = ''.join(
        f'<img src="{one.uri}" width="{one.width}" height="{one.height}" alt="frame {one.frame} of {escape(clip_id)}">'
        for one in pictures
    )
    return f'<span class="pictures">{images}</span>' if images else ''


def _pieces(pieces: Sequence[Piece], tag: str) -> str:
    if not pieces:
        return f'<span class="nothing">{NOTHING}</span>'
    parts: list[str] = []
    for place, piece in enumerate(pieces):
        differs_before = place > 0 and pieces[place - 1].differs
        if piece.differs and not differs_before:
            parts.append(f'<{tag}>')
        parts.append(escape(piece.text))
        if piece.differs and (place + 1 == len(pieces) or not pieces[place + 1].differs):
            parts[-1] = parts[-1].rstrip()
            parts.append(f'</{tag}>' + ' ' * (piece.text != piece.text.rstrip()))
    return ''.join(parts).rstrip()


def _candidates(one: ShownClip) -> str:
    others = [(text, score) for text, score in one.prediction.nbest if text != one.prediction.pred]
    if not others:
        return ''
    items = ''.join(f'<li>{escape(text) or NOTHING}{_in_brackets(score)}</li>' for text, score in others)
    return f'<details><summary>{len(others)} other candidates</summary><ol>{items}</ol></details>'


def _in_brackets(score: object) -> str:
    return f' ({score:.3f})' if isinstance(score, int | float) else ''


def _score(task: str, one: ShownClip) -> str:
    if task == 'islr':
        return '<span class="verdict">right</span>' if one.correct else '<span class="verdict bad">wrong</span>'
    return f'{one.score:.1f}' if math.isfinite(one.score) else 'no reference'
