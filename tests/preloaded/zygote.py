"""Runs ``caracal`` as often as it is told to, a process each, and loads its code but once.

A third of the suite's time went into importing the same modules. Each message on standard input, a
socket, is a command: its arguments, directory and environment, and the descriptors of its standard
output, its standard error, and of a pipe on which it is told which process it is and how it ended.
"""

import gc
import importlib
import json
import os
import pkgutil
import socket
import sys

import caracal_auth_apikey
import caracal_auth_jwt
import caracal_auth_mtls
import caracal_core.cli
from caracal_core.cli.main import main

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


def keep(command, output, error, told):
    """Start a process, tell of it, and wait for its end."""
    process = os.fork()
    if process == 0:
        os.close(told)
        become(command, output, error)
        sys.exit(main())
    os.close(output)
    os.close(error)
    os.write(told, f"{process}\n".encode())
    os.write(told, f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n".encode())
    os._exit(0)


for each in (caracal_core.cli, caracal_auth_jwt, caracal_auth_mtls, caracal_auth_apikey):
    load(each)
gc.freeze()  # a command's end would look through all that is shared, and copy it
asked = socket.socket(fileno=0)
kept = []
while True:
    message, descriptors, _, _ = socket.recv_fds(asked, LONGEST, 3)
    if not message:
        break
    keeper = os.fork()
    if keeper == 0:
        keep(json.loads(message), *descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    kept = [each for each in (*kept, keeper) if os.waitpid(each, os.WNOHANG) == (0, 0)]
