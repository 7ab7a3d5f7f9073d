"""Scores: MMEngine metrics (``metrics``) over plain scoring functions (``functional``)."""

from unisign.evaluation.functional import score_cslr, score_islr, score_slt
from unisign.evaluation.metrics import (
    BLEURTMetric,
    CSLRMetric,
    DumpPredictions,
    ISLRMetric,
    Prediction,
    SLTMetric,
    TextMetric,
    write_predictions,
)

__all__ = [
    'BLEURTMetric',
    'CSLRMetric',
    'DumpPredictions',
    'ISLRMetric',
    'Prediction',
    'SLTMetric',
    'TextMetric',
    'score_cslr',
    'score_islr',
    'score_slt',
    'write_predictions',
]
