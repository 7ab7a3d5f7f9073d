"""The public corpora: their annotation files to ours."""

from unisign.datasets.conversion.convert import CORPORA, ConversionReport, convert_corpus
from unisign.datasets.conversion.corpus import Corpus, CorpusClip
from unisign.datasets.conversion.dev_split import with_dev_split
from unisign.datasets.conversion.file_places import FilePlaces

__all__ = ['CORPORA', 'ConversionReport', 'Corpus', 'CorpusClip', 'FilePlaces', 'convert_corpus', 'with_dev_split']
