"""What a user sees for every kind of bad input: as documented, before the start, naming what is wrong."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools/misc'))

from error_cases import all_rows
from error_cases.bench import BEFORE, WENT_ON, Row
from error_cases.page import as_page, differences, read_page
from error_cases.rgb import GROUP as RGB
from error_cases.video_input import (
    ANSWERED,
    EXTRACT,
    LEFT_OUT,
    LIVE,
    NOT_SAID,
    REFUSED,
    SUBTITLE,
    TRANSLATE,
    UNWRITTEN,
    WRITTEN,
)
from error_cases.videos import ANY_SIZE, POSES_ONLY, SAME_SHAPE
from error_cases.videos import GROUP as VIDEOS

PAGE = Path(__file__).resolve().parents[2] / 'docs/error_messages.md'
DURING = 'Stops during the run.'
# (group, what is wrong) -> (kind of error and words of the message in their order, what happens)
EXPECTED = {
    ('Config', 'The file is missing'): ('ConfigError: confg.py.*Did you mean config.py', BEFORE),
    ('Config', 'A syntax error'): ('ConfigError: typo.py.*SyntaxError', BEFORE),
    ('Config', 'An unknown type'): ("ConfigError: .*'UniSing' is registered nowhere; did you mean 'UniSign'", BEFORE),
    ('Config', 'An argument that the class does not take'): ("ConfigError: .*takes no 'pose_folder'", BEFORE),
    ('Config', 'An argument of the data loader that does not exist'): ("ConfigError: .*takes no 'batchsize'", BEFORE),
    ('Config', 'An entry in `--cfg-options` that the config does not have'): ("ConfigError: .*'default_hook'", BEFORE),
    ('Config', 'A warm-up that is longer than the run'): ('ConfigError: param_scheduler: .*got 500', BEFORE),
    ('Config', 'The best checkpoint would be chosen on test'): ('ConfigError: .*never on test', BEFORE),
    ('Annotations', 'The file is missing'): ('DataError: trian.jsonl: .*Check ann_file', BEFORE),
    ('Annotations', 'The file is empty'): ('DataError: empty.jsonl: .*no clips', BEFORE),
    ('Annotations', 'A line is no JSON (cut off, say)'): ('DataError: .*, line 2: this line is no JSON', BEFORE),
    ('Annotations', 'A clip without an id'): ('DataError: .*, line 2: no "id"', BEFORE),
    ('Annotations', 'Two clips with the same id'): ('DataError: .*, line 2: .*taken by line 1', BEFORE),
    ('Annotations', 'Neither poses nor video'): ('DataError: .*, line 2: .*neither "video" nor "poses"', BEFORE),
    ('Annotations', 'A language that the prompt cannot name'): ("DataError: .*clip 'sign-.*unknown language", BEFORE),
    ('Poses', 'The file is missing'): ('gone.pkl: .*cannot be read', WENT_ON),
    ('Poses', 'A pickle that is cut off'): ('cut.pkl: .*no complete pickle', WENT_ON),
    ('Poses', 'A pickle that runs code'): ('code.pkl: .*refused.*mkdir.*could run code', WENT_ON),
    ('Poses', 'Body points only: wrong shape'): (r'body17.pkl.*expected \[1, 133, 2\], got \[1, 17, 2\]', WENT_ON),
    ('Poses', 'NaN'): ('nan.pkl: keypoints hold NaN.*frame 3', WENT_ON),
    ('Poses', 'Pixel coordinates'): ('pixels.pkl: .*pixel coordinates.*Divide', WENT_ON),
    ('Poses', 'No frames'): ('empty.pkl.*no frames', WENT_ON),
    ('Poses', 'Packed store: no such clip'): ('my.lmdb#clip_9: .*no clip of this key', WENT_ON),
    ('Poses', 'Packed store: a damaged clip'): ('my.lmdb#clip_1: .*damaged', WENT_ON),
    ('Poses', '`.npz`: holds Python objects'): ('objects.npz: .*Python objects', WENT_ON),
    (VIDEOS, 'The file is missing'): ('gone.mp4: there is no such video', WENT_ON),
    (VIDEOS, 'It is cut off, behind its index'): ('cut_off.mp4: .*shorter.*cut off', WENT_ON),
    (VIDEOS, 'It is shorter than the poses'): ('short.mp4: .*shorter.*need frame', WENT_ON),
    (VIDEOS, 'It is damaged in the middle'): ('damaged.mp4: decoding did not reach frame.*copy it again', WENT_ON),
    (VIDEOS, 'It is of another size, and of another shape'): ('wide.mp4: .*448x224.*another shape', WENT_ON),
    (VIDEOS, "It is missing, with `missing_video='skip'`"): ('gone.mp4: there is no such video', POSES_ONLY),
    (VIDEOS, SAME_SHAPE): ('nothing is said', ANY_SIZE),
    (RGB, "torchvision's weights file is missing"): ('DataError: weights/efficientnet-b0.pth: no such file', BEFORE),
    (RGB, '.. is cut off'): ('DataError: weights/cut.pth: truncated', BEFORE),
    (RGB, '.. wants to run code'): ('DataError: weights/code.pth: .*would run code .*mkdir.*refused', BEFORE),
    (RGB, '.. holds no weights'): ('DataError: weights/log.pth: .*expected a state dict', BEFORE),
    (RGB, '.. has weights of other shapes'): (r'DataError: weights/shapes.pth: .*\[40, 3, 3, 3\]', BEFORE),
    (RGB, '.. has weights of another network'): ('DataError: weights/resnet.pth: .*not there in the file', BEFORE),
    (RGB, 'A backbone of an OpenMMLab library that is not installed'): (
        'ConfigError: .*mmpretrain, which is n',
        BEFORE,
    ),
    (RGB, 'More `frozen_stages` than the backbone has'): ('DataError: .*frozen_stages=2, .* are 0 to 1', BEFORE),
    (RGB, 'A `grid` without cells'): ('DataError: SmallConvNet.grid: 0', BEFORE),
    (RGB, 'Another width of the encoder than of the pose features'): ('DataError: .*out_channels=6.*4 ch', BEFORE),
    (RGB, 'Another width of the fusion than of the pose features'): ('DataError: .*fusion.channels=8.*4 ch', BEFORE),
    ('Poses', 'More bad clips than `max_failed_share` allows'): ('DataError: .*max_failed_share.*clip_24', DURING),
    ('Vocabulary', 'The file is missing'): ('DataError: lables.txt: no such file', BEFORE),
    ('Vocabulary', 'The file is empty'): ('DataError: empty.txt .*no label', BEFORE),
    ('Vocabulary', 'A label twice'): ('DataError: twice.txt .*duplicates', BEFORE),
    ('Vocabulary', 'A label of the training data is not in it'): ('DataError: .*labels that are not in short', BEFORE),
    ('Language model', 'The folder is missing'): ('DataError: langauge_model: no such folder', BEFORE),
    ('Language model', 'No tokenizer in the folder'): ('DataError: bare/spiece.model: no such file', BEFORE),
    ('Checkpoint', 'The file is missing'): ('DataError: epoch_20.pth: there is no such checkpoint', BEFORE),
    ('Checkpoint', 'The file is cut off'): ('DataError: cut.pth: truncated', BEFORE),
    ('Checkpoint', 'Another kind of file'): ('DataError: notes.pth: not a checkpoint', BEFORE),
    ('Checkpoint', 'It wants to run code'): ('DataError: code.pth: .*would run code .*mkdir.*refused', BEFORE),
    ('Checkpoint', 'Weights of another name'): ('DataError: renamed.pth: .*missing: .*unexpected: backbone', BEFORE),
    ('Checkpoint', 'A weight of another shape'): (r'DataError: shape.pth: .*\[7, 3\]', BEFORE),
    ('Checkpoint', 'Weights with NaN'): ('DataError: nan.pth: .*NaN or infinity: pose_encoder', BEFORE),
    ('Checkpoint', 'The work dir holds the checkpoints of an earlier run'): ('DataError: .*--overwrite', BEFORE),
    ('Checkpoint', '`--resume` with another batch size'): ('DataError: .*batch_size was 12, is 6', BEFORE),
    ('Checkpoint', '`--resume` with another learning rate'): ("DataError: .*'lr': 1e-05", BEFORE),
    (EXTRACT, 'Zero bytes'): (r'empty_file.mp4: the file is empty \(0 bytes\)', LEFT_OUT),
    (EXTRACT, 'A text named `.mp4`'): ('notes.mp4: cannot be read as a video .* It is no video', LEFT_OUT),
    (EXTRACT, 'A playlist named `.mp4`'): ('playlist.mp4: ', LEFT_OUT),
    (EXTRACT, 'A concat file named `.mp4`'): ('concat.mp4: is no video: .*never opened', LEFT_OUT),
    (EXTRACT, 'A video that is cut off behind its index'): ('cut_video.mp4: .*15 of the 20 frames', LEFT_OUT),
    (EXTRACT, 'Missing'): ('gone.mp4: there is no such video', LEFT_OUT),
    (EXTRACT, 'One frame'): (NOT_SAID, WRITTEN),
    (EXTRACT, 'No person'): ('note: nobody: nobody is seen', WRITTEN),
    (EXTRACT, 'A video that lies in the file, with a note to turn it'): (NOT_SAID, WRITTEN),
    (EXTRACT, 'Variable frame rate'): (NOT_SAID, WRITTEN),
    (TRANSLATE, 'Zero bytes'): (r'ClipError: empty_file.mp4: the file is empty \(0 bytes\)', REFUSED),
    (TRANSLATE, 'A text named `.mp4`'): ('ClipError: notes.mp4: cannot be read as a video', REFUSED),
    (TRANSLATE, 'A playlist named `.mp4`'): ('ClipError: playlist.mp4: ', REFUSED),
    (TRANSLATE, 'One frame'): ('ClipError: one_frame.mp4: holds 1 frame; signing is movement', REFUSED),
    (TRANSLATE, 'No person'): ('ClipError: nobody.mp4: nobody was found in any of its 8 frames', REFUSED),
    (TRANSLATE, 'Variable frame rate'): (NOT_SAID, ANSWERED),
    (TRANSLATE, 'A `file://` address'): ('ClipError: file:///clip.mp4: .*only http and https', REFUSED),
    (SUBTITLE, 'A `--rule` with an unknown field'): ('DataError: .*has no puase.*JSON object of: still', UNWRITTEN),
    (SUBTITLE, 'A playlist named `.mp4`'): ('ClipError: playlist.mp4: cannot be read as a video', UNWRITTEN),
    (LIVE, 'A growing file that does not come'): ('ClipError: soon.mkv: no such file came into being', REFUSED),
    (LIVE, 'An address'): ('ClipError: http://.*addresses are not read live', REFUSED),
    ('Training', 'The loss is not finite (here: a learning rate of 1e30)'): ('DataError: .*not finite.*sign-', DURING),
}
GOES_ON = 'The run goes on'
REPORTED = re.compile(r'ConfigError: |DataError: |ClipError: |error: ')
MACHINE_PATH = re.compile(r'(^|[\s\'"`(])/(tmp|home|root|work|var|Users)\b')


def check(rows: list[Row]) -> None:
    """Every case has its message, no case ends in a traceback, no message holds a path of this machine."""
    found = {(row.group, row.wrong): row for row in rows}
    assert len(found) == len(rows) >= 100
    for case, (words, outcome) in EXPECTED.items():
        assert re.match(words, found[case].message, re.DOTALL), found[case]
        assert found[case].outcome == outcome, found[case]
    for row in rows:
        assert row.message, row
        assert 'Traceback' not in row.message, row
        assert not MACHINE_PATH.search(row.message), row
        # a clip that is left out, or a warning, is no error of the command
        assert REPORTED.match(row.message) or row.outcome.startswith(GOES_ON), row


def test_the_page_has_every_case():
    check(read_page(PAGE.read_text(encoding='utf-8')))


def test_a_page_reads_back_as_it_was_written():
    rows = [
        Row('Poses', 'NaN', 'DataError: a|b holds `x`:\n  2 of 3 (first: 1).', 'Stops.'),
        Row('Tools', 'B', 'c', 'd'),
    ]
    (first, second) = read_page(as_page(rows))
    assert first.message == 'DataError: a|b holds `x`:\n2 of 3 (first: 1).'
    assert (first.group, second) == ('Poses', rows[1])


def test_differences_are_of_words_not_of_numbers_or_brackets():
    row = Row('Poses', 'NaN', 'clip 12: 3 frames (of 20 (first: 3)) are bad', 'Stops.')
    assert differences([row], [Row('Poses', 'NaN', 'clip 1: 4 frames (at least) are bad', 'Stops.')]) == []
    (other,) = differences([row], [Row('Poses', 'NaN', 'clip 12: 3 frames are good', 'Stops.')])
    assert other.startswith('Poses / NaN: documented')
    assert len(differences([row], [])) == 1


@pytest.mark.slow
def test_the_command_says_what_the_page_says(tmp_path, toy_tiny):
    rows = list(all_rows(tmp_path / 'user', toy_tiny))  # also stops if code inside a file was run
    check(rows)
    documented = read_page(PAGE.read_text(encoding='utf-8'))
    assert differences(documented, read_page(as_page(rows))) == []
