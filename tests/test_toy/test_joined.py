"""Long toy videos, and how well signing is found in them; the whole figures: tools/analysis/segment_toy.py."""

import json

import numpy as np
import pytest

from unisign.datasets.video_readers import VideoFiles
from unisign.pose import resample
from unisign.segmentation import SegmentScores
from unisign.stores import read_npz
from unisign.structures import DataError
from unisign.toy.clips import detected_poses, film
from unisign.toy.joined import choose_clips, join_clips, score_joined, write_joined
from unisign.toy.splits import SIZES, plan_corpus

PLANS = plan_corpus(SIZES['small'], 42)


@pytest.mark.parametrize('kind', ['sentences', 'words'])
@pytest.mark.parametrize('rest', [(0, 0), (0.5, 2)])
def test_signing_of_held_out_signers_is_found(kind, rest):
    totals = {rate: SegmentScores() for rate in (15, 25, 50)}
    for index, clips in enumerate(choose_clips(PLANS, 'test', kind, videos=3, clips=4)):
        video = join_clips(f'{kind}-{index}', clips, rest)
        for rate in totals:
            totals[rate] += score_joined(video, resample(video.poses, rate))
    assert {rate: total.f1 >= 0.8 for rate, total in totals.items()} == dict.fromkeys(totals, True), totals


def test_a_joined_video_is_its_clips(tmp_path):
    (clips,) = choose_clips(PLANS, 'dev', 'words', videos=1, clips=2)
    video = join_clips('two words', clips, rest=(0.3, 0.6))
    for plan, (start, end) in zip(clips, video.spans, strict=True):
        alone = detected_poses(plan, film(plan, 42), 42)
        assert np.array_equal(alone.keypoints, video.poses.keypoints[start:end])
        assert np.array_equal(alone.scores, video.poses.scores[start:end])
    assert 0 < video.spans[0][0] < video.spans[0][1] < video.spans[1][0] and video.spans[1][1] < len(video.poses)
    write_joined(video, tmp_path)
    assert VideoFiles().info(tmp_path / 'two words.mp4').num_frames == len(video.poses)
    assert np.array_equal(read_npz(tmp_path / 'two words.npz').keypoints, video.poses.keypoints)
    lines = [json.loads(line) for line in (tmp_path / 'two words.jsonl').read_text(encoding='utf-8').splitlines()]
    assert [(line['id'], round(line['end'] * 15)) for line in lines] == [
        (plan.clip_id, end) for plan, (_, end) in zip(clips, video.spans, strict=True)
    ]


def test_videos_are_of_one_signer_and_no_clip_comes_twice():
    chosen = choose_clips(PLANS, 'test', 'mixed', videos=4, clips=6)
    assert all(len({plan.signer.name for plan in clips}) == 1 for clips in chosen)
    assert len({plan.clip_id for clips in chosen for plan in clips}) == 24
    assert {plan.split for clips in chosen for plan in clips} == {'test'}
    with pytest.raises(DataError, match='too few clips'):
        choose_clips(PLANS, 'test', 'words', videos=100, clips=10)
