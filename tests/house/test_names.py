"""Names are the field's own: nothing is called after what it is not."""

import ast
import re

BANNED = {"util", "utils", "helper", "helpers", "manager", "common", "misc"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
UNFINISHED = ("ODOT"[::-1], "EMXIF"[::-1])  # backwards, so that this file may stand


def test_no_file_has_a_name_for_anything(python_file, root):
    path = python_file.relative_to(root)
    words = {word for part in path.with_suffix("").parts for word in part.split("_")}
    assert not words & BANNED


def test_no_definition_has_a_name_for_anything(source, syntax):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    names = [node.name for node in ast.walk(syntax(source)) if isinstance(node, kinds)]
    assert not [name for name in names if {w.lower() for w in WORD.findall(name)} & BANNED]


def test_nothing_is_left_for_later(python_file):
    text = python_file.read_text()
    assert not [word for word in UNFINISHED if re.search(rf"\b{word}\b", text)]
