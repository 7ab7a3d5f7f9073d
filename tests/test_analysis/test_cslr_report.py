"""Continuous recognition word by word: alignments by hand, counts per gloss, columns of wide characters."""

import csv

from made_predictions import write

from unisign.analysis.aligned_text import aligned_lines
from unisign.analysis.cslr_report import report_cslr
from unisign.analysis.predictions_file import read_task_predictions
from unisign.analysis.text_table import display_width
from unisign.evaluation.functional import ErrorCounts, align, align_jiwer, count_errors, count_steps


def kinds(steps):
    return ''.join(step.kind[0] for step in steps)


def both(reference, hypothesis):
    words = reference.split(), hypothesis.split()
    return align(*words), align_jiwer(*([own] for own in words))[0]


def test_alignments_by_hand():
    for published, fewest in (both('a b c', 'a x c'), both('a b c', 'a x c')):
        assert kinds(published) == kinds(fewest) == 'msm'
        assert published[1][1:] == ('b', 'x')
    assert [kinds(own) for own in both('a b', 'a')] == ['md', 'md']
    assert [kinds(own) for own in both('', 'a b')] == ['ii', 'ii']
    assert [kinds(own) for own in both('a b', '')] == ['dd', 'dd']
    assert [kinds(own) for own in both('', '')] == ['', '']


def test_the_two_alignments_differ_where_published():
    published, fewest = both('f f a c e', 'c g e h b')
    assert (sum(count_steps(published)), sum(count_steps(fewest))) == (6, 5)
    assert count_errors(['f', 'f', 'a', 'c', 'e'], ['c', 'g', 'e', 'h', 'b']) == count_steps(published)
    for steps in (published, fewest):  # each gives both texts back
        assert [step.reference for step in steps if step.reference] == ['f', 'f', 'a', 'c', 'e']
        assert [step.hypothesis for step in steps if step.hypothesis] == ['c', 'g', 'e', 'h', 'b']


CLIPS = (('我 面条 吃', '我 米饭 吃'), ('我 吃', '我 吃 吃'), ('书 我', '我'), ('我', '我'))


def test_counts_per_gloss(tmp_path):
    clips = read_task_predictions(write(tmp_path / 'p.jsonl', *CLIPS), 'cslr')[1]
    for alignment in ('jiwer', 'published'):
        report = report_cslr(clips, alignment)
        assert report.errors == ErrorCounts(1, 1, 1)
        assert report.scores['wer'] == report.scores['wer_jiwer'] == 100 * 3 / 8
        assert report.substitutions == (('面条', '米饭', 1),)
        glosses = {
            one.gloss: (one.count, one.correct, one.substituted, one.deleted, one.inserted, one.instead)
            for one in report.glosses
        }
        assert glosses == {
            '书': (1, 0, 0, 1, 0, 0),
            '吃': (2, 2, 0, 0, 1, 0),
            '我': (4, 4, 0, 0, 0, 0),
            '米饭': (0, 0, 0, 0, 0, 1),
            '面条': (1, 0, 1, 0, 0, 0),
        }
        assert [one.clip.id for one in report.clips] == ['c0', 'c1', 'c2', 'c3']
        assert [round(one.error_rate, 1) for one in report.clips] == [33.3, 50.0, 50.0, 0.0]


def test_columns_stand_below_each_other():
    published, _ = both('我 面条 EAT', '我 x EAT 了')
    assert aligned_lines(published) == [
        'REF  我  面条  EAT  **',
        'HYP  我  x     EAT  了',
        '         S          I',
    ]


def test_long_alignments_are_broken_into_blocks():
    words = ['面条'] * 30
    lines = aligned_lines(align(words, words[:-1]), width=40)
    assert max(map(display_width, lines)) <= 40
    # 6 columns of 6 in a block; only the first, where the word is missing, has a row of marks.
    assert len(lines) == 11 and lines[2].strip() == 'D'
    assert ' '.join(line[3:] for line in lines if line.startswith('REF')).split() == words


def test_the_command(tool, tmp_path):
    path = write(tmp_path / 'p.jsonl', *CLIPS, task='cslr')
    text = tool('report_cslr.py', path, '--out', tmp_path / 'out', '--alignment', 'published', '--examples', '1')
    assert '4 clips (1 without an error), 8 reference glosses' in text
    assert 'WER 37.50 (jiwer), 37.50 (published alignment)' in text
    assert 'Clips with the most errors (1 of 3)' in text
    listing = (tmp_path / 'out' / 'alignments.txt').read_text(encoding='utf-8')
    assert listing.count('REF') == 4
    with (tmp_path / 'out' / 'clips.csv').open(encoding='utf-8', newline='') as file:
        assert [row['deletions'] for row in csv.DictReader(file)] == ['0', '0', '1', '0']


def test_wrong_input(tool, tmp_path):
    blind = write(tmp_path / 'blind.jsonl', ('', 'a'), ('', 'b'))
    assert '2 of 2 predictions have no reference' in tool('report_cslr.py', blind)
    (tmp_path / 'empty.jsonl').touch()
    assert 'holds no prediction' in tool('report_cslr.py', tmp_path / 'empty.jsonl')
