# Stage 1 has no pictures: the same as stage1_csl-news_youtube-asl_pose.py, under the name without _pose.
_base_ = './stage1_csl-news_youtube-asl_pose.py'
