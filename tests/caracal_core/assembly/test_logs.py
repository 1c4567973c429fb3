"""Whatever is logged is one JSON line on standard error, without secrets."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.assembly.logs import TEXT_MAX, JsonFormatter, LineHandler, configure_logging
from caracal_core.assembly.masking import Masking


@pytest.fixture
def logging_restored():
    """Give the test runner its own logging back."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raising
    logging.captureWarnings(capture=False)
    logging.getLogger("caracal").setLevel(logging.NOTSET)


@pytest.fixture
def stream(logging_restored):
    return io.StringIO()


def lines(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_json_line(stream):
    configure_logging("INFO", Masking(), stream)
    logging.getLogger("caracal.edge").info("%s listens", "door")
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "INFO", "logger": "caracal.edge", "message": "door listens"}


@given(st.text())
def test_no_text_can_forge_a_line_or_drive_a_terminal(text):
    record = logging.LogRecord("n", logging.INFO, "", 0, text, (), None)
    line = JsonFormatter(Masking()).format(record)
    assert line.isascii()
    assert line.isprintable()


def test_an_exception_is_told_with_its_trace_and_without_its_secrets(stream):
    masking = Masking()
    masking.remember("hunter2")
    configure_logging("INFO", masking, stream)

    def refuse():
        raise ConnectionError("postgresql://u:pw@db refused hunter2")

    try:
        refuse()
    except ConnectionError:
        logging.getLogger("caracal.x").exception("the database is gone")
    (line,) = lines(stream)
    assert line["error"] == "ConnectionError"
    assert "test_logs.py" in line["trace"]
    assert line["trace"].endswith("ConnectionError: postgresql://***@db refused ***")


@pytest.mark.parametrize(
    ("level", "logger", "said", "traced"),
    [
        ("INFO", "asyncpg.pool", "warning", False),
        ("DEBUG", "asyncpg.pool", "warning", True),
        ("INFO", "asyncpg.pool", "error", True),
        ("INFO", "caracal.x", "warning", True),
        ("INFO", "caracal", "warning", True),
        ("INFO", "caracalx", "warning", False),
    ],
)
def test_what_a_library_only_warns_of_is_traced_at_debug_alone(stream, level, logger, said, traced):
    """Such as a pool whose database is away; what went wrong stands there all the same."""
    configure_logging(level, Masking(), stream)
    getattr(logging.getLogger(logger), said)("retrying", exc_info=ConnectionRefusedError())
    (line,) = lines(stream)
    assert (line["message"], line["error"]) == ("retrying", "ConnectionRefusedError")
    assert ("trace" in line) is traced


def test_the_level_is_respected_and_other_libraries_say_info_at_most(stream):
    configure_logging("WARNING", Masking(), stream)
    logging.getLogger("caracal.x").info("not written")
    logging.getLogger("caracal.x").warning("first")
    configure_logging("DEBUG", Masking(), stream)
    logging.getLogger("caracal.x").debug("second")
    logging.getLogger("tortoise").debug("INSERT 'value'")
    assert [line["message"] for line in lines(stream)] == ["first", "second"]


def test_sanic_and_warnings_end_up_in_the_same_stream(stream):
    configure_logging("INFO", Masking(), stream)
    logging.getLogger("sanic.error").error("broken")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("deprecated", UserWarning, stacklevel=1)
    assert [line["logger"] for line in lines(stream)] == ["sanic.error", "py.warnings"]


def test_a_record_whose_arguments_do_not_fit_is_written_all_the_same(stream):
    configure_logging("INFO", Masking(), stream)
    logging.getLogger("caracal.x").error("%d of it", "one")
    assert lines(stream)[0]["message"] == "%d of it"


def test_an_endless_message_is_cut_after_its_secrets_are_gone(stream):
    masking = Masking()
    masking.remember("hunter2" * 10)
    configure_logging("INFO", masking, stream)
    text = "a" * (TEXT_MAX // 2 - 30) + "hunter2" * 10 + "b" * TEXT_MAX
    logging.getLogger("caracal.x").info(text)
    (line,) = lines(stream)
    assert len(line["message"]) < TEXT_MAX + 10
    assert "hunter" not in line["message"]


def test_standard_output_stays_free_for_exchanges():
    """In a process of its own: a record goes to standard error and nowhere else."""
    script = (
        "import logging; from caracal_core.assembly.logs import configure_logging;"
        "from caracal_core.assembly.masking import Masking;"
        "configure_logging('INFO', Masking()); logging.getLogger('caracal').info('hello')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)  # noqa: S603 - this very Python
    assert done.stdout == b""
    assert json.loads(done.stderr)["message"] == "hello"


STUCK = """
import fcntl, logging, os, sys
from caracal_core.assembly import logs
from caracal_core.assembly.masking import Masking
logs.CLOSE_SECONDS = 0.2
fcntl.fcntl(2, fcntl.F_SETPIPE_SZ, 4096)
logs.configure_logging("INFO", Masking())
for number in range(2_000):
    logging.getLogger("caracal").info("%d %s", number, "x" * 10_000)
print(logs.lost_records(), flush=True)
"""


def test_a_reader_that_never_reads_blocks_nobody_and_lets_the_process_end():
    """More than may wait: what is past the bound is lost and counted."""
    with subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, "-c", STUCK], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert int(process.stdout.readline()) > 1_000
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_what_was_lost_is_said_among_what_was_not(logging_restored):
    """As a record like the others, once somebody reads."""
    reading, writing = os.pipe()
    handler = LineHandler(writing, waiting_bytes=300)
    handler.setFormatter(JsonFormatter(Masking()))
    for number in range(20_000):
        handler.handle(logging.LogRecord("caracal", logging.INFO, "", 0, "%d", (number,), None))
    lost = handler.lost
    with os.fdopen(reading, "rb") as file:
        threading.Timer(0, lambda: (handler.close(), os.close(writing))).start()
        said = [json.loads(line) for line in file]
    told = [each["message"].split()[1] for each in said if each["logger"] == "caracal.log"]
    assert sum(map(int, told)) == lost == handler.lost
    assert len(said) - len(told) == 20_000 - lost


def test_the_last_record_of_an_orderly_end_is_written():
    script = (
        "import logging; from caracal_core.assembly.logs import configure_logging;"
        "from caracal_core.assembly.masking import Masking;"
        "configure_logging('INFO', Masking());"
        "[logging.getLogger('caracal').info('%d', n) for n in range(5000)]"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)  # noqa: S603 - this very Python
    messages = [json.loads(line)["message"] for line in done.stderr.splitlines()]
    assert messages == list(map(str, range(5000)))
