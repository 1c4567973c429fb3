"""The three standard descriptors are open, whatever the process was started with."""

from __future__ import annotations

import os
import sys


def open_standard_streams() -> None:
    """Open the null device in place of each standard descriptor that is closed.

    Else the next file or connection would get the number, such as the store, and what is written
    to standard error would stand in it.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            assert opened == descriptor, "those below it are open"  # noqa: S101 - by construction
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115 - as long as the process
