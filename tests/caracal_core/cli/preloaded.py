"""Runs ``caracal`` as often as it is told to, a process each, and loads its code but once.

A third of the suite's time went into importing the same modules. Each line of standard input is
a command: its arguments, its directory, its environment, and the files for what it prints. It is
answered with the exit code.
"""

import gc
import importlib
import json
import os
import pkgutil
import sys

import caracal_auth_jwt
import caracal_core.cli
from caracal_core.cli.main import main


def load(package):
    """Import all of a package: what is loaded now is not loaded by each command."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)


def become(command):
    """Be the process that was asked for."""
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["environment"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor in (1, 2):
        os.dup2(os.open(command["printed"][descriptor - 1], os.O_WRONLY), descriptor)
    sys.argv = ["caracal", *command["arguments"]]


load(caracal_core.cli)
load(caracal_auth_jwt)
gc.freeze()  # a command's end would look through all that is shared, and copy it
for line in sys.stdin:
    if os.fork() == 0:
        become(json.loads(line))
        sys.exit(main())
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)  # noqa: T201 - the answer
