"""What the documents show is run: every block of commands or code, or it says why not.

In front of a block of ``console``, ``bash``, ``sh`` or ``python`` stands one of

- ``<!-- run -->``: it is run here. The blocks of one document are run in their order in one
  empty directory, with this environment's programs first on the path.
- ``<!-- shown: REASON -->``: it is not run here, for this reason.

In a ``console`` block, lines after ``$`` are commands and the lines below are what they print,
with ``...`` for anything. The README of a plugin may have a test file of its own instead.
"""

import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
LANGUAGES = {"console", "bash", "sh", "python"}
BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>.*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
MARK = re.compile(r"run|shown: \S.*")
PATIENCE_SECONDS = 60


class Block(NamedTuple):
    """A block of a document: its language, its text and the mark before it."""

    language: str
    text: str
    mark: str


def _blocks(text):
    """Return the blocks that somebody could run."""
    found = [Block(m["language"], m["text"], m["mark"] or "") for m in BLOCK.finditer(text)]
    return [block for block in found if block.language in LANGUAGES]


def _documents():
    """Return the documents that this file answers for."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")]
    readmes = ROOT.glob("plugins/*/README.md")
    own = [path for path in readmes if not (path.parent / "tests" / "test_readme.py").is_file()]
    return sorted(documents + own)


def _run(block, directory):
    """Run one block, to the end and without an error."""
    if block.language == "python":
        _call([sys.executable, "-c", block.text], directory)
    elif block.language == "console":
        for command, expected in _session(block.text):
            printed = _call(["bash", "-euc", command], directory)
            assert _is_as_shown(printed, expected), f"{command}\n{printed}"
    else:
        _call(["bash", "-euo", "pipefail", "-c", block.text], directory)


def _session(text):
    """Split a console block into commands and what each prints."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    assert not parts[0], "a console block begins with '$ '"
    for part in parts[1:]:
        lines = part.splitlines()
        count = next((n for n, line in enumerate(lines, 1) if not line.endswith("\\")), len(lines))
        yield "\n".join(lines[:count]), lines[count:]


def _is_as_shown(printed, expected):
    """Compare what was printed with what is shown; a line of dots stands for any lines."""
    pattern = "\n".join(expected).strip()
    escaped = re.sub(r"([\[*?])", r"[\1]", pattern)
    return not pattern or fnmatchcase(printed.strip(), escaped.replace("...", "*"))


def _call(command, directory):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(  # noqa: S603 - the documents' own commands
        command,
        cwd=directory,
        env={**os.environ, "PATH": path, "HOME": str(directory)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("document", _documents(), ids=lambda path: str(path.relative_to(ROOT)))
class TestDocument:
    def test_every_block_is_run_or_says_why_not(self, document):
        unmarked = [b.text for b in _blocks(document.read_text()) if not MARK.fullmatch(b.mark)]
        assert not unmarked

    def test_what_is_run_does_as_shown(self, document, tmp_path):
        for block in _blocks(document.read_text()):
            if block.mark == "run":
                _run(block, tmp_path)

    def test_the_tests_and_benches_that_are_shown_are_there(self, document):
        text = " ".join(block.text for block in _blocks(document.read_text()))
        named = re.findall(r"\b(?:tests|bench)/[\w/.]+", text)
        assert not [name for name in named if not (ROOT / name).exists()]

    def test_what_is_shown_is_well_formed(self, document, tmp_path):
        for block in _blocks(document.read_text()):
            if block.language == "python":
                compile(block.text, str(document), "exec")
            else:
                text = re.sub(r"^\$ ", "", block.text, flags=re.MULTILINE)
                if block.language != "console":
                    _call(["bash", "-nc", text], tmp_path)


GOOD = """
<!-- run -->
```bash
echo hello > word
```
<!-- run -->
```console
$ cat word
hello
$ printf 'a[1]\\n%s\\n' \\
    "$RANDOM" last
a[1]
...
last
$ true
```
<!-- run -->
```python
assert open("word").read() == "hello\\n"
```
<!-- shown: it needs a cluster -->
```bash
kubectl get pods
```
```json
{}
```
"""


def test_the_runner_runs_what_is_marked(tmp_path):
    blocks = _blocks(GOOD)
    assert [block.mark for block in blocks] == ["run"] * 3 + ["shown: it needs a cluster"]
    for block in blocks[:3]:
        _run(block, tmp_path)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("bash", "false\n"),
        ("bash", "false | true\n"),
        ("bash", 'echo "$no_such_variable"\n'),
        ("console", "$ echo one\ntwo\n"),
        ("console", "$ false\n"),
        ("console", "$ echo 1\n?\n"),
        ("python", "assert False\n"),
    ],
)
def test_the_runner_sees_what_fails(tmp_path, language, text):
    with pytest.raises(AssertionError):
        _run(Block(language, text, "run"), tmp_path)


@pytest.mark.parametrize("mark", ["", "shown:", "shown: ", "skip", "runs"])
def test_a_mark_is_one_of_two_and_has_its_reason(mark):
    assert not MARK.fullmatch(mark)
