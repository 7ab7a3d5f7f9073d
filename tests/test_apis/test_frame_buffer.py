"""Which frames wait, which are dropped."""

import threading

from unisign.apis.frame_buffer import FrameBuffer, LiveFrame


def frames(numbers, droppable):
    return [LiveFrame(number, 0.0, droppable=droppable) for number in numbers]


def numbers(chunks):
    return [[frame.number for frame in chunk] for chunk in chunks]


def test_the_frame_that_has_waited_longest_is_dropped():
    buffer = FrameBuffer(3)
    assert all(buffer.put(frame) for frame in frames(range(5), True))
    buffer.close()
    assert numbers(buffer.chunks(2, full=False)) == [[2, 3], [4]]
    assert (buffer.given, buffer.dropped) == (5, 2)


def test_frames_that_must_not_be_dropped_let_the_giver_wait():
    buffer, got = FrameBuffer(2), []
    giver = threading.Thread(target=lambda: [buffer.put(f) for f in frames(range(7), False)] and buffer.close())
    giver.start()
    for chunk in buffer.chunks(1, full=False):
        got += [frame.number for frame in chunk]
    giver.join()
    assert got == list(range(7)) and buffer.dropped == 0


def test_full_chunks_wait_until_they_are_full():
    buffer = FrameBuffer(8)
    giver = threading.Thread(target=lambda: [buffer.put(f) for f in frames(range(7), False)] and buffer.close())
    giver.start()
    assert numbers(buffer.chunks(3, full=True)) == [[0, 1, 2], [3, 4, 5], [6]]
    giver.join()


def test_after_the_end_nothing_is_taken():
    buffer = FrameBuffer(2)
    buffer.close()
    assert not buffer.put(LiveFrame(0, 0.0)) and list(buffer.chunks(1, full=True)) == []
