# Stage 1 has no pictures: the same as stage1_toy_pose.py, under the name that goes with stage2_toy.py.
_base_ = './stage1_toy_pose.py'
