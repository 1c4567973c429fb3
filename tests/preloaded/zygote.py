"""Runs ``caracal`` as often as it is told to, a process each, and loads its code but once.

A third of the suite's time went into importing the same modules. Each message on standard input, a
socket, is a command: its arguments, directory and environment, and the descriptors of its standard
output, its standard error, and of a pipe on which it is told which process it is and how it ended.
"""

import importlib
import json
import os
import pkgutil
import select
import socket
import sys
from contextlib import suppress

import caracal_auth_apikey
import caracal_auth_jwt
import caracal_auth_mtls
import caracal_core.cli
from caracal_core.cli.main import main
from caracal_core.garbage import spare_what_stays

LONGEST = 2**18


def load(package):
    """Import all of a package: what is loaded now is not loaded by each command."""
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "migrations" not in module.name:  # a name that begins with a digit is no module's
            importlib.import_module(module.name)


def become(command, output, error):
    """Be the process that was asked for."""
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["environment"])
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, error)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.argv = ["caracal", *command["arguments"]]


def start(message, output, error, told):
    """Start a process, and tell of it."""
    process = os.fork()
    if process == 0:
        asked.detach()  # its descriptor becomes standard input
        for descriptor in (told, *running, *running.values()):
            os.close(descriptor)
        become(json.loads(message), output, error)
        sys.exit(main())
    os.close(output)
    os.close(error)
    with suppress(BrokenPipeError):  # nobody wants to know
        os.write(told, f"{process}\n".encode())
    running[os.pidfd_open(process)] = told


def end(process):
    """Tell how a process ended."""
    told = running.pop(process)
    ended = os.waitid(os.P_PIDFD, process, os.WEXITED)
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    with suppress(BrokenPipeError):  # nobody wants to know
        os.write(told, f"{code}\n".encode())
    os.close(told)
    os.close(process)


for each in (caracal_core.cli, caracal_auth_jwt, caracal_auth_mtls, caracal_auth_apikey):
    load(each)
spare_what_stays()  # a command's end would look through all that is shared, and copy it
asked = socket.socket(fileno=0)
running: dict[int, int] = {}
"""The pipe on which is told of a process, by the descriptor that is readable at its end."""
while True:
    for ready in select.select([asked, *running], [], [])[0]:
        if ready is not asked:
            end(ready)
            continue
        message, descriptors, _, _ = socket.recv_fds(asked, LONGEST, 3)
        if not message:
            sys.exit()
        start(message, *descriptors)
