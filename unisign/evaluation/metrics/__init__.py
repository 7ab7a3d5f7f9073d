"""MMEngine metrics over the plain scoring functions."""

from unisign.evaluation.metrics.bleurt_metric import BLEURTMetric
from unisign.evaluation.metrics.cslr_metric import CSLRMetric, score_cslr_predictions
from unisign.evaluation.metrics.dump_predictions import DumpPredictions, write_predictions
from unisign.evaluation.metrics.islr_metric import ISLRMetric, score_islr_predictions
from unisign.evaluation.metrics.prediction import Prediction, from_data_sample
from unisign.evaluation.metrics.slt_metric import SLTMetric, languages_of, score_slt_predictions
from unisign.evaluation.metrics.text_metric import TextMetric

__all__ = [
    'BLEURTMetric',
    'CSLRMetric',
    'DumpPredictions',
    'ISLRMetric',
    'Prediction',
    'SLTMetric',
    'TextMetric',
    'from_data_sample',
    'languages_of',
    'score_cslr_predictions',
    'score_islr_predictions',
    'score_slt_predictions',
    'write_predictions',
]
