"""Keypoint estimators, registered in ``POSE_ESTIMATORS``: frames in, ``Poses`` out. None comes with the library yet."""
