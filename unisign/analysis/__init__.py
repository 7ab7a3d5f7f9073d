"""Reports over prediction files."""

from unisign.analysis.predictions_file import read_predictions
from unisign.analysis.score_text import score_predictions_file

__all__ = ['read_predictions', 'score_predictions_file']
