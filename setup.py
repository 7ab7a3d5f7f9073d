"""Build step: the wheel carries configs, tools, demos and the model zoo where OpenMMLab's ``mim`` looks for them.

Everything else about the package stands in setup.cfg.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_FILES = ('configs', 'tools', 'demo', 'model-index.yml', 'model_zoo.md')


class BuildWithMimFiles(build_py):
    """Copies ``MIM_FILES`` into ``unisign/.mim`` of the built package; an editable install reads them in place."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if self.editable_mode:
            return
        for name in MIM_FILES:
            source, target = ROOT / name, Path(self.build_lib) / 'unisign' / '.mim' / name
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns('__pycache__'))
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)


setup(cmdclass={'build_py': BuildWithMimFiles})
