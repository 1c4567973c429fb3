"""Lines arrive whole, in order and in few writes; a stuck or broken reader stops nobody."""

import fcntl
import logging
import os
import subprocess
import sys
import threading

import pytest

from caracal_core.builtin.observers.line_writer import LineWriter


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    ends = {reading, writing}

    def close(end):
        ends.discard(end)
        os.close(end)

    yield reading, writing, close
    for end in ends:
        os.close(end)


def read_all(reading):
    with os.fdopen(os.dup(reading), "rb") as file:
        return file.read()


def test_lines_arrive_whole_and_in_order_and_closing_writes_what_waits(pipe):
    reading, writing, close = pipe
    writer = LineWriter(writing)
    writer.open()
    lines = [b"%d\n" % number for number in range(1000)]
    for line in lines:
        writer.put(line)
    writer.close(5)
    close(writing)
    assert read_all(reading) == b"".join(lines)
    assert writer.lost == 0


def test_lines_are_written_while_it_is_open(pipe):
    reading, writing, _ = pipe
    writer = LineWriter(writing)
    writer.open()
    writer.put(b"first\n")
    assert os.read(reading, 100) == b"first\n"
    writer.put(b"second\n")
    assert os.read(reading, 100) == b"second\n"
    writer.close(5)


def test_a_close_in_the_moment_in_which_a_batch_is_taken_is_not_missed(pipe):
    """The thread had looked whether it is to end, and must not then wait for another line."""
    writer = LineWriter(pipe[1])

    class Looked(threading.Event):
        def wait(self, timeout=None):
            answer = super().wait(timeout)
            if not answer:
                writer._closing.set()
                writer._some.set()
            return answer

    writer._closing = Looked()
    writer.open()
    writer.put(b"last\n")
    writer._thread.join(10)
    assert not writer._thread.is_alive()


def test_what_comes_together_is_written_together(pipe, monkeypatch):
    """Exchanges come by the thousand a second; a write for each would cost more than they do."""
    writes = []
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: writes.append(fd) or write(fd, data))
    writer = LineWriter(pipe[1])
    for _ in range(500):
        writer.put(b"x\n")
    writer.open()
    writer.close(5)
    assert writes.count(pipe[1]) == 1


def test_a_stuck_reader_stops_neither_the_caller_nor_the_end_and_memory_is_bounded(pipe):
    reading, writing, close = pipe
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    writer = LineWriter(writing, waiting_bytes=10_000)
    writer.open()
    for _ in range(1000):
        writer.put(b"x" * 99 + b"\n")
    writer.close(0.05)
    assert writer.lost >= 1000 - (10_000 + size) // 100
    assert sum(map(len, writer._lines)) <= 10_000
    drain = threading.Thread(target=read_all, args=(reading,))
    drain.start()
    writer._thread.join(5)
    close(writing)
    drain.join(5)


def test_a_descriptor_that_does_not_block_gets_everything(pipe):
    """Another process that shares the terminal can have switched it."""
    reading, writing, close = pipe
    os.set_blocking(writing, False)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    writer = LineWriter(writing)
    writer.open()
    for _ in range(1000):
        writer.put(b"x" * 99 + b"\n")
    got = []
    drain = threading.Thread(target=lambda: got.append(read_all(reading)))
    drain.start()
    writer.close(10)
    close(writing)
    drain.join(5)
    assert got == [(b"x" * 99 + b"\n") * 1000]


def test_a_broken_reader_is_reported_once_and_lines_are_counted(pipe, caplog):
    reading, writing, close = pipe
    close(reading)
    writer = LineWriter(writing)
    writer.open()
    with caplog.at_level(logging.ERROR):
        writer.put(b"first\n")
        writer.close(5)
    assert writer.lost == 1
    assert len(caplog.messages) == 1


def test_after_a_torn_line_the_next_one_begins_on_its_own(pipe, monkeypatch):
    """The disk is full in the middle of a line, and has room again for the next batch."""
    reading, writing, close = pipe
    write, calls = os.write, []

    def full(fd, data):
        calls.append(fd)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return write(fd, data[:3])

    monkeypatch.setattr(os, "write", full)
    writer = LineWriter(writing)
    writer.put(b"torn line\n")
    writer._write_waiting()
    writer.put(b"whole\n")
    writer._write_waiting()
    close(writing)
    assert read_all(reading) == b"tor\nwhole\n"


def test_a_process_can_end_though_its_reader_is_stuck():
    script = (
        "from caracal_core.builtin.observers.line_writer import LineWriter; writer = LineWriter(1);"
        "writer.open(); writer.put(b'x' * 2**20); writer.close(0.1)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:  # noqa: S603 - this very Python
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_how_many_were_lost_is_said_once_somebody_reads_again(pipe, caplog):
    """In the log, or as a line among those that came through."""
    reading, writing, close = pipe
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    told = []

    def tell(sentence):
        told.append(sentence)
        return b"told\n"

    writer = LineWriter(writing, waiting_bytes=10_000, tell=tell)
    writer.open()
    for _ in range(1000):
        writer.put(b"x" * 99 + b"\n")
    lost = writer.lost
    assert lost > 0
    assert told == []
    got = []
    drain = threading.Thread(target=lambda: got.append(read_all(reading)))
    drain.start()
    writer.close(10)
    close(writing)
    drain.join(5)
    assert told == [f"lost {lost} line{'s' * (lost != 1)}: nobody read in time"]
    assert got[0].count(b"told\n") == 1
    assert got[0].count(b"x" * 99 + b"\n") == 1000 - lost
