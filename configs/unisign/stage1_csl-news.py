# Stage 1 has no pictures: the same as stage1_csl-news_pose.py, under the name that goes with stage2_csl-news.py.
_base_ = './stage1_csl-news_pose.py'
