"""Names are the field's own: nothing is called after what it is not."""

import ast
import re

BANNED = {"util", "utils", "helper", "helpers", "manager", "common", "misc"}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
UNFINISHED = ("ODOT"[::-1], "EMXIF"[::-1])  # backwards, so that this file may stand


def test_no_file_has_a_name_for_anything(offences, root):
    def banned(path):
        parts = path.relative_to(root).with_suffix("").parts
        return {word for part in parts for word in part.split("_")} & BANNED

    assert not offences("python_files", banned)


def test_no_definition_has_a_name_for_anything(offences, syntax):
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

    def banned(path):
        names = [node.name for node in ast.walk(syntax(path)) if isinstance(node, kinds)]
        return [name for name in names if {w.lower() for w in WORD.findall(name)} & BANNED]

    assert not offences("sources", banned)


def test_nothing_is_left_for_later(offences):
    def left(path):
        text = path.read_text()
        return [word for word in UNFINISHED if re.search(rf"\b{word}\b", text)]

    assert not offences("python_files", left)
