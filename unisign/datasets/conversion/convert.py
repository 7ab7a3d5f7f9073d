"""Annotations of the public corpora to our JSON Lines: one way for all of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from unisign.datasets.annotation_check import has_files
from unisign.datasets.annotations import Annotation, write_annotations
from unisign.datasets.clip_paths import ClipPaths
from unisign.datasets.conversion.corpus import SPLITS, Corpus, CorpusClip
from unisign.datasets.conversion.csl_daily import read_csl_daily
from unisign.datasets.conversion.csl_news import read_csl_news
from unisign.datasets.conversion.dev_split import with_dev_split
from unisign.datasets.conversion.file_places import FilePlaces
from unisign.datasets.conversion.msasl import read_msasl
from unisign.datasets.conversion.published import read_published
from unisign.datasets.conversion.tables import read_how2sign, read_openasl, read_phoenix14t
from unisign.datasets.conversion.wlasl import read_wlasl
from unisign.datasets.conversion.youtube_asl import read_youtube_asl
from unisign.stores import PoseFiles
from unisign.structures import DataError


@dataclass(frozen=True)
class CorpusFormat:
    """How the files of one corpus are read.

    Attributes:
        read: returns its clips from the folder of annotation files and the number of classes.
        lang: language of its texts.
        subsets: numbers of classes to choose from; none for sentences.
        published: whether labels were published as gzip'd pickles too.
    """

    read: Callable[[Path, int | None], Corpus]
    lang: str
    subsets: tuple[int, ...] = ()
    published: bool = False


CORPORA: dict[str, CorpusFormat] = {
    'csl-news': CorpusFormat(read_csl_news, 'zh'),
    'youtube-asl': CorpusFormat(read_youtube_asl, 'en'),
    'csl-daily': CorpusFormat(read_csl_daily, 'zh', published=True),
    'how2sign': CorpusFormat(read_how2sign, 'en', published=True),
    'openasl': CorpusFormat(read_openasl, 'en', published=True),
    'phoenix14t': CorpusFormat(read_phoenix14t, 'de'),
    'wlasl': CorpusFormat(read_wlasl, 'en', (100, 300, 1000, 2000), published=True),
    'msasl': CorpusFormat(read_msasl, 'en', (100, 200, 500, 1000)),
}


@dataclass
class ConversionReport:
    """What was written.

    Attributes:
        files: annotation file of each split.
        clips: number of clips of each split.
        labels: the file of the closed vocabulary, or None.
        left_out: entries that gave no clip, with the reason.
        dev_from_train: dev was taken from the training recordings.
    """

    files: dict[str, Path] = field(default_factory=dict)
    clips: Counter[str] = field(default_factory=Counter)
    labels: Path | None = None
    left_out: list[str] = field(default_factory=list)
    dev_from_train: bool = False


def convert_corpus(
    name: str,
    source: str | Path,
    out: str | Path,
    places: FilePlaces | None = None,
    subset: int | None = None,
    published: bool = False,
    dev_share: float = 0.02,
    only_existing: bool = False,
) -> ConversionReport:
    """Write ``annotations/{train,dev,test}.jsonl`` below ``out``, and ``labels.txt`` for a corpus of single signs.

    Args:
        name: one of ``CORPORA``.
        source: folder of the corpus' annotation files (docs/datasets.md).
        out: the data root of configs.
        places: where poses and videos lie; by default ``poses/`` and ``videos/`` below ``out``.
        subset: number of classes, for a corpus of single signs.
        published: read the published gzip'd pickles instead of the corpus' own files.
        dev_share: the share of train that becomes dev where the corpus has no dev; 0 leaves it without.
        only_existing: leave out clips whose poses and video are both missing below ``out``, after dev is chosen.

    Raises:
        ValueError: if the corpus, the subset or ``published`` is none that there is.
        DataError: if a file is missing or wrong (it names file and line), or a split of an earlier conversion lies
            there that this one has not; nothing is written then.
    """
    corpus_format = _format(name, subset, published)
    source, out = Path(source), Path(out)
    corpus = read_published(source, subset) if published else corpus_format.read(source, subset)
    if not corpus.clips:
        reason = f' The first: {corpus.left_out[0]}.' if corpus.left_out else ''
        raise DataError(source, f'no clip is left of {len(corpus.left_out)} entries.{reason}', 'Check the files.')
    _check_unique(corpus.clips, source)
    clips = with_dev_split(corpus.clips, dev_share)
    annotations = [(clip.split, (places or FilePlaces()).annotate(clip, corpus_format.lang)) for clip in clips]
    report = ConversionReport(left_out=corpus.left_out, dev_from_train=clips != corpus.clips)
    if only_existing:
        annotations = _existing(annotations, out, report.left_out)
    report.clips.update(split for split, _ in annotations)
    _check_no_stale_split(out, report.clips)
    for split in SPLITS:
        if report.clips[split]:
            report.files[split] = out / 'annotations' / f'{split}.jsonl'
            write_annotations(report.files[split], (line for of, line in annotations if of == split))
    if corpus.labels is not None:
        report.labels = out / 'labels.txt'
        report.labels.write_text(''.join(f'{word}\n' for word in corpus.labels), encoding='utf-8')
    return report


def _format(name: str, subset: int | None, published: bool) -> CorpusFormat:
    if name not in CORPORA:
        raise ValueError(f'no corpus {name!r}; there are {", ".join(CORPORA)}')
    corpus_format = CORPORA[name]
    if subset not in (corpus_format.subsets or (None,)):
        allowed = ', '.join(map(str, corpus_format.subsets)) or 'none'
        raise ValueError(f'{name} has the subsets {allowed}; got {subset}')
    if published and not corpus_format.published:
        raise ValueError(f'{name} has no published pickles; read its own files')
    return corpus_format


def _existing(
    annotations: list[tuple[str, Annotation]], out: Path, left_out: list[str]
) -> list[tuple[str, Annotation]]:
    """Return the clips that have poses or a video; the others are named in ``left_out``."""
    paths, store = ClipPaths(out / 'annotations', out), PoseFiles()
    kept = []
    for split, clip in annotations:
        if any(has_files(clip, paths, store)):
            kept.append((split, clip))
        else:
            left_out.append(f'{out}: neither poses nor video of {clip.id}')
    if not kept:
        raise DataError(out, f'none of {len(annotations)} clips has poses or a video.', 'Check where they lie.')
    return kept


def _check_no_stale_split(out: Path, clips: Counter[str]) -> None:
    """Refuse to leave an older split beside new ones: its clips could be in the new train too."""
    for split in SPLITS:
        path = out / 'annotations' / f'{split}.jsonl'
        if path.exists() and not clips[split]:
            raise DataError(path, f'it is of an earlier conversion; this one has no {split}.', 'Remove it first.')


def _check_unique(clips: list[CorpusClip], source: Path) -> None:
    split_of: dict[str, str] = {}
    for clip in clips:
        if clip.id in split_of:
            problem = f'the clip {clip.id!r} is there twice, in {split_of[clip.id]} and {clip.split}.'
            raise DataError(source, problem, 'Take one of them out of the files.')
        split_of[clip.id] = clip.split
