"""Fixtures for tests of converters."""

from pathlib import Path

import pytest

from unisign.datasets import AnnotationFile


@pytest.fixture
def source(tmp_path) -> Path:
    """A folder for the corpus' files."""
    folder = tmp_path / 'source'
    folder.mkdir()
    return folder


@pytest.fixture
def read_split(tmp_path):
    """Return a function that reads a written split: annotations by clip id."""

    def read(split: str) -> dict:
        file = AnnotationFile(tmp_path / 'out' / 'annotations' / f'{split}.jsonl')
        return {file[index].id: file[index] for index in range(len(file))}

    return read
