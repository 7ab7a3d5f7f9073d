"""Keypoint estimators, registered in ``POSE_ESTIMATORS``: frames in, ``Poses`` out; and extraction from many videos."""

from unisign.pose.build import build_estimator
from unisign.pose.clip_writer import ClipFolder, pack_folder
from unisign.pose.extraction import ClipResult, extract, poses_of_video
from unisign.pose.mediapipe_estimator import MediaPipeEstimator
from unisign.pose.mmpose_estimator import MMPoseEstimator
from unisign.pose.pose_estimator import PoseEstimator
from unisign.pose.resampling import resample
from unisign.pose.signer_choice import SignerRule, SignerTracker
from unisign.pose.video_list import Share, Video, find_videos, share_of_process
from unisign.stores import read_pose_file, write_pose_file

__all__ = [
    'ClipFolder',
    'ClipResult',
    'MMPoseEstimator',
    'MediaPipeEstimator',
    'PoseEstimator',
    'Share',
    'SignerRule',
    'SignerTracker',
    'Video',
    'build_estimator',
    'extract',
    'find_videos',
    'pack_folder',
    'poses_of_video',
    'read_pose_file',
    'resample',
    'share_of_process',
    'write_pose_file',
]
