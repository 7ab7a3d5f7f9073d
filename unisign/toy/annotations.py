"""The annotation files of the toy corpus."""

import json
from collections.abc import Mapping
from pathlib import Path

from unisign.toy.lexicon import GLOSSES
from unisign.toy.splits import ClipPlan

# Which clips each file lists: task of the clips, splits of the clips.
_FILES = {
    'islr_train': ('islr', ('train',)),
    'islr_dev': ('islr', ('dev',)),
    'islr_test': ('islr', ('test',)),
    'cslr_train': ('slt', ('train',)),
    'cslr_dev': ('slt', ('dev',)),
    'cslr_test': ('slt', ('test',)),
    'slt_train': ('slt', ('train',)),
    'slt_dev': ('slt', ('dev',)),
    'slt_test': ('slt', ('test',)),
    'pretrain_train': ('slt', ('train', 'extra')),
    'pretrain_dev': ('slt', ('dev',)),
    'dictionary_train': ('islr', ('extra',)),
}
_POSES = {'packed': '../poses.lmdb#{}', 'pickle': '../poses/{}.pkl', 'npz': '../poses/{}.npz'}


def write_annotations(
    folder: Path, plans: list[ClipPlan], pose_format: str, spans: Mapping[str, tuple[int, int]] | None = None
) -> None:
    """Write ``annotations/*.jsonl``, ``labels_islr.txt`` and ``glosses.txt`` into ``folder``.

    The ``video`` of each line names the mp4 whether or not videos are made, so that the annotations stay the same when
    videos are added later. Clips in ``spans`` get ``start`` and ``end``.
    """
    spans = spans or {}
    target = folder / 'annotations'
    target.mkdir(exist_ok=True)
    for name, (task, splits) in _FILES.items():
        lines = [
            _line(plan, pose_format, spans.get(plan.clip_id))
            for plan in plans
            if plan.task == task and plan.split in splits
        ]
        (target / f'{name}.jsonl').write_text(''.join(lines), encoding='utf-8')
    # a vocabulary lists classes in the lexicon's order, each once
    labels = dict.fromkeys(plan.text for plan in plans if plan.task == 'islr' and plan.lang == 'en')
    (folder / 'labels_islr.txt').write_text(''.join(f'{label}\n' for label in labels), encoding='utf-8')
    (folder / 'glosses.txt').write_text(''.join(f'{gloss}\n' for gloss in GLOSSES), encoding='utf-8')


def _line(plan: ClipPlan, pose_format: str, span: tuple[int, int] | None) -> str:
    entry: dict[str, object] = {
        'id': plan.clip_id,
        'video': f'../videos/{plan.clip_id}.mp4',
        'poses': _POSES[pose_format].format(plan.clip_id),
        'text': plan.text,
        'gloss': list(plan.glosses),
        'lang': plan.lang,
        'signer': plan.signer.name,
    }
    if span is not None:
        entry |= {'start': span[0], 'end': span[1]}
    return json.dumps(entry, ensure_ascii=False) + '\n'
