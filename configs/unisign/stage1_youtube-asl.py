# Stage 1 has no pictures: the same as stage1_youtube-asl_pose.py, under the name that goes with stage2_youtube-asl.py.
_base_ = './stage1_youtube-asl_pose.py'
