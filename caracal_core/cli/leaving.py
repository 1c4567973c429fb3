"""The exit of a process: threads that hang are not waited for without end."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from caracal_core.garbage import collect_no_more

LEAVE_SECONDS = 5.0
"""How long the interpreter may wait for threads once everything is said."""


def limit_the_exit(code: int) -> None:
    """Have the process end with this code soon, whatever threads are left.

    Python joins every thread before it exits, among them those of executors that nobody can
    stop, such as a plugin's in a dead mount. Call it last: what is printed later may be lost, and
    objects that refer to each other in a circle are not finalized any more.
    """
    with suppress(OSError, ValueError):  # nobody reads it, or it is closed
        sys.stdout.flush()
    collect_no_more()
    watchdog = threading.Timer(LEAVE_SECONDS, os._exit, [code])
    watchdog.daemon = True
    watchdog.start()
