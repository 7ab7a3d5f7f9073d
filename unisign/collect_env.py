"""What a bug report needs to say about the machine: ``python -m unisign.collect_env``."""

import importlib.metadata
import platform
import subprocess
import sys
from pathlib import Path

from unisign.version import __version__

# Name in the report -> distributions that may bring it, the first one found counts.
REQUIRED = {
    'torch': ('torch',),
    'mmengine': ('onedl-mmengine', 'mmengine'),
    'transformers': ('transformers',),
    'sentencepiece': ('sentencepiece',),
    'protobuf': ('protobuf',),
    'numpy': ('numpy',),
    'lmdb': ('lmdb',),
    'OpenCV': ('opencv-python-headless', 'opencv-python', 'opencv-contrib-python'),
    'Pillow': ('pillow',),
    'PyAV': ('av',),
    'sacrebleu': ('sacrebleu',),
    'jiwer': ('jiwer',),
    'rouge': ('rouge',),
    'tensorboard': ('tensorboard',),
}
_POSE_ADVICE = 'bash tools/install_pose.sh'
# Name -> distributions, and how to get it.
OPTIONAL = {
    'decord': (('decord',), 'pip install -e ".[video]"'),
    'mmcv': (('onedl-mmcv', 'mmcv', 'mmcv-lite'), _POSE_ADVICE),
    'mmdet': (('onedl-mmdetection', 'mmdet'), _POSE_ADVICE),
    'mmpose': (('mmpose',), _POSE_ADVICE),
    'mediapipe': (('mediapipe',), _POSE_ADVICE),
    'starlette': (('starlette',), 'pip install -e ".[demo]"'),
    'uvicorn': (('uvicorn',), 'pip install -e ".[demo]"'),
    'deepspeed': (('deepspeed',), 'pip install -e ".[deepspeed]"'),
    'onnx': (('onnx',), 'pip install -e ".[onnx]"'),
    'onnxruntime': (('onnxruntime',), 'pip install -e ".[onnx]"'),
}


def collect_env() -> dict[str, str]:
    """Return name -> version or state, in the order of the report."""
    report = {
        'unisign': __version__,
        'commit': _commit(Path(__file__).resolve().parents[1]),
        'Python': sys.version.split()[0],
        'platform': platform.platform(),
    }
    report |= {name: _version(names) or 'not installed: needed' for name, names in REQUIRED.items()}
    report |= _torch_devices()
    for name, (names, advice) in OPTIONAL.items():
        report[name] = _version(names) or f'not installed ({advice})'
    return report


def _version(distributions: tuple[str, ...]) -> str:
    """Return the version of what is installed, '' for nothing; two that overwrite each other are both shown."""
    found, several = [], len(distributions) > 1
    for distribution in distributions:
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(f'{version} ({distribution})' if several else version)
    return ' AND '.join(found) + (': only one of them may be installed' if len(found) > 1 else '')


def _commit(root: Path) -> str:
    """Return the checkout's commit, marked if files differ from it."""
    try:
        run = [
            subprocess.run(['git', '-C', str(root), *command], capture_output=True, text=True, timeout=20, check=True)
            for command in (['rev-parse', 'HEAD'], ['status', '--porcelain', '--untracked-files=no'])
        ]
    except (OSError, subprocess.SubprocessError):
        return 'no git checkout'
    return run[0].stdout.strip()[:12] + (', with local changes' if run[1].stdout.strip() else '')


def _torch_devices() -> dict[str, str]:
    try:
        import torch
    except (ImportError, OSError) as error:
        return {'CUDA': f'torch cannot be imported: {error}'}
    report = {'torch built for': f'CUDA {torch.version.cuda}' if torch.version.cuda else 'CPU'}
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        report['GPUs'] = ', '.join(f'{names.count(name)} x {name}' for name in dict.fromkeys(names))
        report['cuDNN'] = str(torch.backends.cudnn.version())
    else:
        report['GPUs'] = 'none'
    report['threads'] = str(torch.get_num_threads())
    return report


def main() -> None:
    """Print the report."""
    report = collect_env()
    width = max(map(len, report))
    for name, value in report.items():
        print(f'{name:<{width}}  {value}')


if __name__ == '__main__':
    main()
