"""Ordinary logs: one JSON object a line on standard error, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from caracal_core.assembly.masking import Masking

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


def configure_logging(level: str, masking: Masking, stream: TextIO | None = None) -> None:
    """Send every logger's records, warnings included, to one stream as JSON lines.

    Other libraries say INFO at the most: at DEBUG some of them write what they were given.

    Args:
        level: the least important level that is written: DEBUG, INFO, WARNING or ERROR.
        masking: takes secrets out.
        stream: standard error unless given.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(masking))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.getLevelNamesMapping()[level], logging.INFO))
    logging.getLogger("caracal").setLevel(level)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a broken standard error must not print a traceback there
    for name in ("sanic", "sanic.root", "sanic.error", "sanic.server", "sanic.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _message(record: logging.LogRecord) -> str:
    """Return the message; one whose arguments do not fit is shown without them."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever an argument's own text does
        return str(record.msg)
