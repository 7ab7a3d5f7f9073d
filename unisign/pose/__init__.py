"""Keypoint estimators, registered in ``POSE_ESTIMATORS``: frames in, ``Poses`` out."""

from unisign.pose.build import build_estimator
from unisign.pose.mediapipe_estimator import MediaPipeEstimator
from unisign.pose.pose_estimator import PoseEstimator
from unisign.pose.signer_choice import SignerRule, SignerTracker

__all__ = ['MediaPipeEstimator', 'PoseEstimator', 'SignerRule', 'SignerTracker', 'build_estimator']
