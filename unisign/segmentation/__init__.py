"""Where signing is in a long video: hand motion and pauses from keypoints, frame by frame; and scores for segments."""

from unisign.segmentation.hand_motion import HandMotion, HandState
from unisign.segmentation.scoring import SegmentScores, interval_overlap, segment_scores
from unisign.segmentation.segment import Segment
from unisign.segmentation.signing_segmenter import SegmentRule, SigningSegmenter, read_rule, segments_of

__all__ = [
    'HandMotion',
    'HandState',
    'Segment',
    'SegmentRule',
    'SegmentScores',
    'SigningSegmenter',
    'interval_overlap',
    'read_rule',
    'segment_scores',
    'segments_of',
]
