"""Rooms stay small: no function over 50 lines, no file over 400, tests included."""

import ast

LONGEST_FUNCTION = 50
LONGEST_FILE = 400


def test_no_file_is_too_long(offences):
    """Would it be easier to live in as two rooms?"""

    def lines(path):
        count = len(path.read_text().splitlines())
        return count if count > LONGEST_FILE else None

    assert not offences("python_files", lines)


def test_no_function_is_too_long(offences, syntax):
    def long(path):
        functions = [
            node
            for node in ast.walk(syntax(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        sizes = {f"{node.name}, line {node.lineno}": _lines(node) for node in functions}
        return {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}

    assert not offences("python_files", long)


def _lines(node):
    return node.end_lineno - node.lineno + 1
