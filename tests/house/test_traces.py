"""The tree holds no trace of where it was made, and names no package registry's host."""

import re
import subprocess

import pytest

# Written in pieces, so that this file may stand in the tree that it looks over.
HOSTS = ["pypi" + ".org", "python" + "hosted", "npm" + "js", "crates" + ".io", "quay" + ".io"]
HOSTS += ["docker" + ".io", "ghcr" + ".io", "gcr" + ".io", "hub.docker" + ".com"]
PATHS = ["/wo" + "rk/", "/ro" + "ot/", "/Use" + "rs/"]
HOME = re.compile("/ho" + r"me/(?!caracal\b)\w+")
GENERATED = ["__pycache__", ".egg-info", "/dist/", "/build/", ".pyc"]


@pytest.fixture(scope="session")
def tracked(root):
    """Every file that is, or is about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(  # noqa: S603 - a command of our own
        command, cwd=root, capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("no clone of the repository")
    paths = [root / line for line in listing.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


@pytest.mark.parametrize("trace", HOSTS + PATHS)
def test_no_file_holds_a_trace(tracked, root, trace):
    found = [str(path.relative_to(root)) for path in tracked if trace.encode() in path.read_bytes()]
    assert not found


def test_no_file_names_somebodys_home(tracked, root):
    texts = {path: path.read_bytes().decode("utf-8", "replace") for path in tracked}
    assert not [str(path.relative_to(root)) for path, text in texts.items() if HOME.search(text)]


def test_nothing_generated_is_kept(tracked, root):
    names = [f"/{path.relative_to(root)}" for path in tracked]
    assert not [name for name in names if any(part in name for part in GENERATED)]
