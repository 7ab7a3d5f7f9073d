"""The predictions of two systems for the same clips."""

from collections.abc import Sequence
from pathlib import Path

from unisign.analysis.predictions_file import read_task_predictions
from unisign.analysis.report_files import check_references
from unisign.evaluation import Prediction
from unisign.structures import DataError

_NAMED = 5  # so many clips an error names; the rest it counts


def read_pair(
    first: str | Path, second: str | Path, task: str | None = None
) -> tuple[str, list[Prediction], list[Prediction]]:
    """Return the task and the predictions of two files, clip by clip, in the order of the first file.

    Clips are told apart by their ids; where ids repeat within a file, by data set and id.

    Raises:
        DataError: for a file that cannot be used (see ``read_task_predictions``), files of different tasks, clips
            that only one of them has, or a clip whose references differ.
    """
    task, mine = read_task_predictions(first, task)
    try:
        _, others = read_task_predictions(second, task)
    except DataError as error:
        raise DataError(error.source, f'{error.problem[:-1]}; {first} is of task {task!r}.', error.advice) from error
    check_references(first, mine, each=task == 'islr')
    by_id = all(len({clip.id for clip in clips}) == len(clips) for clips in (mine, others))
    names = [[(clip.id,) if by_id else clip.key for clip in clips] for clips in (mine, others)]
    left, right = (dict(zip(keys, clips, strict=True)) for keys, clips in zip(names, (mine, others), strict=True))
    missing = [
        f'only {path} has {_listed([key for key in keys if key not in there])}'
        for path, keys, there in ((first, names[0], right), (second, names[1], left))
        if any(key not in there for key in keys)
    ]
    if missing:
        raise DataError(
            f'{first} and {second}', f'they do not cover the same clips: {"; ".join(missing)}.',
            'A paired test needs both systems on every clip: test both on the same annotations.',
        )  # fmt: skip
    pairs = [(clip, right[key]) for key, clip in left.items()]
    different = [(own, other) for own, other in pairs if own.ref != other.ref]
    if different:
        own, other = different[0]
        raise DataError(
            f'{first} and {second}',
            f'{len(different)} clips have different references: {own.id!r} is {own.ref!r} and {other.ref!r}.',
            'Test both systems on the same annotations.',
        )
    return task, [own for own, _ in pairs], [other for _, other in pairs]


def _listed(keys: Sequence[tuple[str, ...]]) -> str:
    named = ', '.join('/'.join(filter(None, key)) for key in keys[:_NAMED])
    more = f' and {len(keys) - _NAMED} more' if len(keys) > _NAMED else ''
    return f'{named}{more}'
