"""Which parts of the pose extra are there, work, or are missing: ``python -m unisign.check_pose``.

Parts are tried in another process, so that one that crashes is reported like one that raises an error, and asking costs
the caller no import.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unisign.optional import INSTALL_POSE, versions_of

ANEW = f'{INSTALL_POSE} --anew'
# Packages that bring a folder ``cv2``: each overwrites the others' files.
OPENCV = ('opencv-python-headless', 'opencv-python', 'opencv-contrib-python', 'opencv-contrib-python-headless')
# What a child process writes in front of a result, since imported packages print things too.
MARK = 'unisign.check_pose: '


@dataclass(frozen=True)
class Part:
    """One package, or several that come in each other's place.

    Attributes:
        name: what it is imported as, or known as.
        distributions: the names it can be installed under; the first is the one of the pose extra.
        trial: does something small with it, and returns what is worth knowing; '' if nothing is.
        install: command that brings it.
        needed: the pose extra promises it.
    """

    name: str
    distributions: tuple[str, ...]
    trial: Callable[[], str]
    install: str = INSTALL_POSE
    needed: bool = True


@dataclass(frozen=True)
class Finding:
    """What was found out about a part.

    Attributes:
        part: the part.
        versions: version of each of its distributions that is installed.
        works: True or False; None: not tried.
        said: what the trial returned, or what went wrong.
    """

    part: Part
    versions: dict[str, str]
    works: bool | None = None
    said: str = ''

    @property
    def fine(self) -> bool:
        """True if the part works, or was not tried and is there once."""
        return len(self.versions) == 1 and self.works is not False

    @property
    def advice(self) -> str:
        """The command that mends it."""
        if len(self.versions) > 1:
            names = ' '.join(sorted(self.versions))
            return f'{Path(sys.executable).name} -m pip uninstall -y {names} && {ANEW}'
        return ANEW if self.versions and self.part.needed else self.part.install


def _torch() -> str:
    import torch

    torch.ones(2, 2).mm(torch.ones(2, 2))
    return f'CUDA {torch.version.cuda}, {torch.cuda.get_device_name()}' if torch.cuda.is_available() else 'CPU'


def _torchvision() -> str:
    from torchvision import models

    models.resnet18(weights=None)
    return ''


def _opencv() -> str:
    import cv2
    import numpy as np

    _demand(cv2.resize(np.zeros((4, 4, 3), np.uint8), (2, 2)).shape == (2, 2, 3), 'a picture got a wrong size')
    return ''


def _mmengine() -> str:
    from mmengine.registry import MODELS

    MODELS.get('Conv2d')
    return ''


def _mmcv() -> str:
    import torch
    from mmcv.ops import nms

    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    _demand(nms(boxes, scores, 0.5)[1].tolist() == [0, 2], 'its box suppression gives wrong answers')
    if not torch.cuda.is_available():
        return 'with operators for the CPU'
    try:
        kept = nms(boxes.cuda(), scores.cuda(), 0.5)[1].tolist()
    except RuntimeError:
        toolkit = f'{INSTALL_POSE} with the CUDA toolkit {torch.version.cuda}'
        return f'with operators for the CPU only; for the GPU: {toolkit}'
    _demand(kept == [0, 2], 'its box suppression gives wrong answers on the GPU')
    return 'with operators for CPU and GPU'


def _mmdet() -> str:
    import mmdet.apis
    from mmdet.registry import MODELS

    _demand(MODELS.get('RTMDet') is not None and mmdet.apis is not None, 'it does not know RTMDet')
    return ''


def _mmpose() -> str:
    import mmpose.apis
    import torch
    from mmpose.registry import MODELS

    _demand(MODELS.get('TopdownPoseEstimator') is not None and mmpose.apis is not None, 'it knows no pose estimator')
    shape = MODELS.build(dict(type='ResNet', depth=18))(torch.zeros(1, 3, 64, 64))[-1].shape
    _demand(shape == (1, 512, 2, 2), f'its ResNet gives {tuple(shape)}')
    return ''


def _mediapipe() -> str:
    import mediapipe
    import numpy as np

    with mediapipe.solutions.holistic.Holistic(static_image_mode=True) as estimator:
        estimator.process(np.zeros((64, 64, 3), np.uint8))
    return 'with its models'


def _pose_format() -> str:
    from pose_format import Pose

    _demand(callable(Pose.read), 'it cannot read')
    return ''


def _av() -> str:
    import av

    _demand('h264' in av.codecs_available, 'it cannot decode H.264')
    return ''


def _decord() -> str:
    import decord

    _demand(hasattr(decord, 'VideoReader'), 'it has no reader')
    return ''


def _demand(holds: bool, problem: str) -> None:
    if not holds:
        raise RuntimeError(problem)


# mediapipe's last version with models has no wheel for Linux on other processors.
_MEDIAPIPE_HERE = sys.platform != 'linux' or platform.machine() == 'x86_64'
PARTS = (
    Part('torch', ('torch',), _torch, 'bash tools/setup_env.sh'),
    Part('torchvision', ('torchvision',), _torchvision, 'bash tools/setup_env.sh'),
    Part('OpenCV', OPENCV, _opencv, 'bash tools/setup_env.sh'),
    Part('mmengine', ('onedl-mmengine', 'mmengine'), _mmengine, 'bash tools/setup_env.sh'),
    Part('mmcv', ('onedl-mmcv', 'mmcv', 'mmcv-lite'), _mmcv),
    Part('mmdet', ('onedl-mmdetection', 'mmdet'), _mmdet),
    Part('mmpose', ('mmpose',), _mmpose),
    Part('mediapipe', ('mediapipe',), _mediapipe, needed=_MEDIAPIPE_HERE),
    Part('pose-format', ('pose-format',), _pose_format),
    Part('PyAV', ('av',), _av, 'bash tools/setup_env.sh'),
    Part('decord', ('decord',), _decord, 'bash tools/setup_env.sh video', needed=False),
)


def find_parts(parts: Sequence[Part] = PARTS, tried: bool = True) -> list[Finding]:
    """Return what is known of each part; ``tried=False`` looks at the installed versions only."""
    found = [Finding(part, versions_of(*part.distributions)) for part in parts]
    results = try_parts([finding.part for finding in found if finding.versions]) if tried else {}
    return [Finding(finding.part, finding.versions, *results.get(finding.part.name, (None, ''))) for finding in found]


def try_parts(parts: Sequence[Part]) -> dict[str, tuple[bool, str]]:
    """Return by name whether each part works, and what it said; after a crash another process goes on."""
    results: dict[str, tuple[bool, str]] = {}
    while left := [part.name for part in parts if part.name not in results]:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get('PYTHONPATH')]))
        code = f'from unisign.check_pose import _child; _child({left!r})'
        done = subprocess.run(
            [sys.executable, '-c', code],
            capture_output=True,
            text=True,
            errors='replace',
            check=False,
            env={**os.environ, 'PYTHONPATH': path},
        )
        lines = [line.removeprefix(MARK) for line in done.stdout.splitlines() if line.startswith(MARK)]
        answers = {name: (works, said) for name, works, said in map(json.loads, lines)}
        results |= answers
        crashed = next((name for name in left if name not in results), None)
        if crashed is not None:
            last = (done.stderr.strip().splitlines() or ['it said nothing'])[-1]
            results[crashed] = (False, f'the process ended with {done.returncode}: {last}')
    return results


def _child(names: Sequence[str]) -> None:
    """Try parts one after the other and print each result as a line of JSON."""
    warnings.simplefilter('ignore')
    for part in PARTS:
        if part.name not in names:
            continue
        try:
            works, said = True, part.trial()
        except Exception as error:  # whatever a broken installation raises
            reason = str(error).strip().splitlines() or ['']
            works, said = False, f'{type(error).__name__}: {reason[0]}'
        print(f'\n{MARK}{json.dumps([part.name, works, said])}', flush=True)


def report(findings: Sequence[Finding]) -> str:
    """Return the table to print: a line for each part, and one for what mends it."""
    rows = [('part', 'version', 'state')]
    for finding in findings:
        rows.append((finding.part.name, ' and '.join(finding.versions.values()) or '-', _state(finding)))
        if not finding.fine:
            rows.append(('', '', f'-> {finding.advice}'))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = [f'{name:<{widths[0]}}  {number:<{widths[1]}}  {state}' for name, number, state in rows]
    broken = [finding.part.name for finding in findings if finding.part.needed and not finding.fine]
    verdict = f'The pose extra is not complete: {", ".join(broken)}.' if broken else 'The pose extra is complete.'
    return '\n'.join([*lines, verdict])


def _state(finding: Finding) -> str:
    if not finding.versions:
        return 'missing' if finding.part.needed else 'missing, not needed'
    if len(finding.versions) > 1:
        return f'{" and ".join(finding.versions)} overwrite each other: only one of them may be installed'
    if finding.works is None:
        return 'installed'
    if not finding.works:
        return f'does not work: {finding.said}'
    return f'works, {finding.said}' if finding.said else 'works'


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; return 0 if all that the pose extra promises works, else 1."""
    parser = argparse.ArgumentParser(description='Print which parts of the pose extra work, and how to mend others.')
    parser.add_argument('--installed', action='store_true', help='look at what is installed only, without trying it')
    args = parser.parse_args(arguments)
    findings = find_parts(tried=not args.installed)
    print(report(findings))
    return int(any(finding.part.needed and not finding.fine for finding in findings))


if __name__ == '__main__':
    sys.exit(main())
