"""Ordinary logs: one JSON object a line on standard error, without secrets and without waiting."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

from caracal_core.assembly.masking import Masking
from caracal_core.builtin.observers.line_writer import WAITING_BYTES, LineWriter

STANDARD_ERROR = 2

CLOSE_SECONDS = 5.0
"""How long the last records may take at the end of the process."""

TEXT_MAX = 16_384
"""The longest message or trace, in characters; what is longer is cut in its middle."""


class JsonFormatter(logging.Formatter):
    """Makes one line of a record, whatever stands in it: all but ASCII is escaped.

    Args:
        masking: takes secrets out of messages and traces.
    """

    def __init__(self, masking: Masking) -> None:
        super().__init__()
        self._masking = masking

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        line = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._clean(_message(record)),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            if _is_traced(record):
                line["trace"] = self._clean(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = self._clean(record.stack_info)
        return json.dumps(line)

    def _clean(self, text: str) -> str:
        text = self._masking.mask(text)
        if len(text) > TEXT_MAX:
            half = TEXT_MAX // 2
            text = f"{text[:half]} ... {text[-half:]}"
        return text


class LineHandler(logging.Handler):
    """Hands records to a writer with a thread of its own: a stuck reader holds up nobody.

    Args:
        descriptor: where to write.
        waiting_bytes: how much may wait.
    """

    def __init__(self, descriptor: int, waiting_bytes: int = WAITING_BYTES) -> None:
        super().__init__()
        self._writer = LineWriter(descriptor, waiting_bytes, self._worded)
        self._writer.open()

    @property
    def lost(self) -> int:
        """How many records were not written."""
        return self._writer.lost

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.put(self._line(record))
        except Exception:  # noqa: BLE001 - a record that cannot be written must break nothing
            self.handleError(record)

    def close(self) -> None:
        """Write what is waiting, in bounded time; `logging.shutdown` asks for it."""
        self._writer.close(CLOSE_SECONDS)
        super().close()

    def _line(self, record: logging.LogRecord) -> bytes:
        return f"{self.format(record)}\n".encode()

    def _worded(self, sentence: str) -> bytes:
        """Make a line of what the writer has to say: logged, it would wait for itself."""
        return self._line(
            logging.LogRecord("caracal.log", logging.ERROR, "", 0, sentence, None, None)
        )


def configure_logging(level: str, masking: Masking, stream: TextIO | None = None) -> None:
    """Send every logger's records, warnings included, to standard error as JSON lines.

    They are written by a thread of their own, so nobody waits for whoever reads them. Records
    past a bound are lost and counted. What is waiting at the process's end is written.

    Args:
        level: the least important level that is written: DEBUG, INFO, WARNING or ERROR.
        masking: takes secrets out.
        stream: written to at once, instead of standard error.
    """
    handler: logging.Handler
    handler = LineHandler(STANDARD_ERROR) if stream is None else logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(masking))
    logging.getLogger().handlers[:] = [handler]
    set_level(level)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a broken standard error must not print a traceback there
    for name in ("sanic", "sanic.root", "sanic.error", "sanic.server", "sanic.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def set_level(level: str) -> None:
    """Set the least important level that is written: DEBUG, INFO, WARNING or ERROR.

    Other libraries say INFO at the most: at DEBUG some of them write what they were given.
    """
    logging.getLogger().setLevel(max(logging.getLevelNamesMapping()[level], logging.INFO))
    logging.getLogger("caracal").setLevel(level)


def lost_records() -> int:
    """Return how many records were not written since the start."""
    handlers = logging.getLogger().handlers
    return sum(handler.lost for handler in handlers if isinstance(handler, LineHandler))


def _is_traced(record: logging.LogRecord) -> bool:
    """Return whether a record's trace is written.

    Of what another library only warns, such as a database that is away, it is at DEBUG alone.
    """
    house = logging.getLogger("caracal")
    ours = record.name.partition(".")[0] == house.name
    return ours or record.levelno >= logging.ERROR or house.isEnabledFor(logging.DEBUG)


def _message(record: logging.LogRecord) -> str:
    """Return the message; one whose arguments do not fit is shown without them."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever an argument's own text does
        return str(record.msg)
