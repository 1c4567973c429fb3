"""Rooms stay small: no function over 50 lines, no file over 400, tests included."""

import ast

LONGEST_FUNCTION = 50
LONGEST_FILE = 400


def test_no_file_is_too_long(python_file):
    count = len(python_file.read_text().splitlines())
    assert count <= LONGEST_FILE, f"{count} lines; would it be easier to live in as two rooms?"


def test_no_function_is_too_long(python_file, syntax):
    functions = [
        node
        for node in ast.walk(syntax(python_file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    sizes = {f"{node.name}, line {node.lineno}": _lines(node) for node in functions}
    assert not {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}


def _lines(node):
    return node.end_lineno - node.lineno + 1
