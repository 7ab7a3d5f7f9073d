"""A page over a predictions file: read, choose, draw, write."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unisign.analysis.html_page import make_html
from unisign.analysis.page_clips import ShownClip, choose_clips
from unisign.analysis.page_pictures import ClipPictures, Picture
from unisign.analysis.predictions_file import read_task_predictions
from unisign.analysis.report_files import check_references
from unisign.analysis.score_text import score_predictions
from unisign.structures import ClipError, DataError

# Scores at the head of a page: those that begin so, each language's BLEU-4 among them.
SHOWN_SCORES = {'islr': ('top',), 'cslr': ('wer',), 'slt': ('bleu4', 'rouge_l', 'chrf')}
_ORDER = {'worst': 'the worst', 'best': 'the best', 'first': 'the first', 'random': 'by chance'}


@dataclass(frozen=True)
class WrittenPage:
    """What became of a page.

    Attributes:
        path: the file.
        size: in bytes.
        clips: clips on it.
        of_clips: clips of the predictions file.
        without_pictures: clip id -> why it has no picture, where pictures were asked for.
    """

    path: Path
    size: int
    clips: int
    of_clips: int
    without_pictures: dict[str, str]


def make_page(
    predictions: str | Path,
    out: str | Path,
    pictures: ClipPictures | None = None,
    task: str | None = None,
    lang: str | None = None,
    which: str = 'worst',
    limit: int = 100,
    max_megabytes: float = 20,
    seed: int = 0,
    title: str | None = None,
) -> WrittenPage:
    """Write one HTML file with clips, their references and predictions.

    Args:
        predictions: predictions file, JSON Lines.
        out: file to write; its folder is made, a file of that name is replaced.
        pictures: draws the clips; None: a page of texts.
        task: whose predictions; None: the task that the file names.
        lang: language of all texts; None: that of each prediction.
        which: ``worst``, ``best``, ``first`` or ``random`` clips.
        limit: at most so many clips.
        max_megabytes: of all pictures; clips behind it have none, and the page says so.
        seed: of ``random``.
        title: heading; None: the file's name.

    Raises:
        DataError: if a file cannot be read or written, or none of the clips is in the annotations.
    """
    task, clips = read_task_predictions(predictions, task)
    check_references(predictions, clips, each=task == 'islr')
    scores = score_predictions(predictions, task, clips, lang)
    langs = [lang or clip.lang or '' for clip in clips]
    chosen = choose_clips(task, clips, langs, which, limit, seed)
    drawn, missing = ({}, {}) if pictures is None else _draw(chosen, pictures, max_megabytes * 1e6)
    main = {name: value for name, value in scores.items() if name.startswith(SHOWN_SCORES[task])}
    notes = [f'{Path(predictions).name}: {len(clips)} clips; the scores are of all of them.']
    if len(chosen) < len(clips):
        notes.append(f'Shown: {len(chosen)} clips, {_ORDER[which]}.')
    if missing:
        notes.append(f'{len(missing)} of the shown clips have no picture.')
    page = make_html(title or Path(predictions).stem, task, notes, main, chosen, drawn)
    path = Path(out)
    content = page.encode('utf-8', 'replace')  # JSON can hold halves of characters, which UTF-8 has no bytes for
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + '.part')
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise DataError(path, f'cannot be written ({error.strerror}).', 'Choose another --out.') from error
    return WrittenPage(path, len(content), len(chosen), len(clips), missing)


def _draw(
    clips: Sequence[ShownClip], pictures: ClipPictures, max_bytes: float
) -> tuple[dict[tuple[str, str], list[Picture] | str], dict[str, str]]:
    """Return the pictures of each clip or why there are none, and the latter once more by clip id."""
    if not any(one.prediction.id in pictures for one in clips):
        raise DataError(
            pictures.file.path, f'has none of the {len(clips)} clips (first: {clips[0].prediction.id!r}).',
            'Name the annotations that were tested on.',
        )  # fmt: skip
    found: dict[tuple[str, str], list[Picture] | str] = {}
    size = 0
    for one in clips:
        key = one.prediction.key
        if size >= max_bytes:
            found[key] = 'the page has reached its size'
            continue
        try:
            drawn = pictures.draw(one.prediction.id)
            found[key] = drawn
            size += sum(len(picture.uri) for picture in drawn)
        except ClipError as error:
            found[key] = str(error)
    return found, {key[1]: reason for key, reason in found.items() if isinstance(reason, str)}
