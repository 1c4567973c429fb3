"""Proved here: the longest prefix of whole segments wins, and its bytes go on unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.routes.table import Entry, TableRouter
from caracal_core.domain import Terms
from caracal_core.errors import BadRequest, MethodNotAllowed
from caracal_core.testing.fakes import a_request

TERMS = Terms(upstream="up")


def a_table(*prefixes: str, strip: bool = False, methods: tuple[str, ...] = ("GET",)):
    return TableRouter(
        Entry(prefix or "root", prefix, strip, methods, TERMS) for prefix in prefixes
    )


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/a", "/a"),
        ("/a/", "/a"),
        ("/a/x", "/a"),
        ("/a/b", "/a/b"),
        ("/a/b/c", "/a/b"),
        ("/a/bc", "/a"),
        ("/ab", None),
        ("/", None),
        ("/x/a", None),
        ("/c/d/e", "/c/d/e"),
        ("/c/d", None),
        ("/A", None),
    ],
)
async def test_the_longest_prefix_of_whole_segments_wins(path, route):
    """Half a segment is no prefix, and case counts."""
    found = await a_table("/a", "/a/b", "/c/d/e").match(a_request(path=path))
    assert (found and found.id) == route


async def test_the_root_takes_what_nobody_else_does():
    """An empty prefix is a prefix of every path."""
    table = a_table("", "/a")
    assert (await table.match(a_request(path="/"))).id == "root"
    assert (await table.match(a_request(path="/b/a"))).id == "root"
    assert (await table.match(a_request(path="/a/b"))).id == "/a"


async def test_an_empty_table_knows_nothing():
    """The next router is asked."""
    assert await TableRouter([]).match(a_request(path="/a")) is None


async def test_a_wrong_method_never_falls_back():
    """A shorter route would be another policy, price and upstream."""
    entries = [
        Entry("all", "", False, ("GET", "POST", "DELETE"), TERMS),
        Entry("narrow", "/a", False, ("GET", "POST"), TERMS),
    ]
    with pytest.raises(MethodNotAllowed) as refused:
        await TableRouter(entries).match(a_request("DELETE", "/a/b"))
    assert list(refused.value.headers()) == [("allow", "GET, POST")]


@pytest.mark.parametrize(
    ("strip", "path", "target"),
    [
        (True, "/a/v1/models?x=%2F&y", "/v1/models?x=%2F&y"),
        (True, "/a", "/"),
        (True, "/a/", "/"),
        (True, "/a?q", "/?q"),
        (False, "/a/v1?q", "/a/v1?q"),
        (False, "/a", "/a"),
    ],
)
async def test_the_target_keeps_its_bytes(strip, path, target):
    """What the policy judged is what the upstream gets; only the prefix may go."""
    route = await a_table("/a", strip=strip).match(a_request(path=path))
    assert route.target == target
    assert (route.action, route.resource) == ("GET", path.partition("?")[0])


@pytest.mark.parametrize(
    "path",
    [
        "/admin;x=1/s",
        "/admin;x",
        "/admin%3bx/s",
        "/admin%3Bx/s",
        "/admin./s",
        "/admin.",
        "/admin%20/s",
        "/admin.%20.;x/s",
        "/;x/admin/s",
        "/%20/admin/s",
        "/x/..%20/admin",
        "/x/..%3bx/admin",
        "/x/.../admin",
        "/open/a;x/b./c",
    ],
)
@pytest.mark.parametrize("root", [("",), ()], ids=["root route", "no root route"])
async def test_a_path_that_could_be_read_as_of_a_deeper_route_is_refused(path, root):
    """Case 8: servlet containers drop parameters, Windows servers dots and spaces at the end."""
    with pytest.raises(BadRequest):
        await a_table(*root, "/admin", "/open", "/open/a/b.").match(a_request(path=path))


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/;jsessionid=1", "root"),
        ("/x;v=1/y.", "root"),
        ("/x%20/y", "root"),
        ("/caf%C3%A9.", "root"),
        ("/Admin./s", "root"),
        ("/admin/a;x=1/b./c%20", "/admin"),
        ("/admin/s.", "/admin"),
        ("/p;v=1/x", "/p;v=1"),
        ("/p;v=1/q", "/p;v=1"),
    ],
)
async def test_a_path_that_takes_its_route_either_way_passes(path, route):
    """Parameters, dots and spaces are no fault; a route may have them in its own path."""
    table = a_table("", "/admin", "/p", "/p;v=1")
    assert (await table.match(a_request(path=path))).id == route


async def test_a_route_with_a_parameter_hides_no_deeper_one():
    """However long its own path is: what counts is how deep it goes."""
    table = a_table("/p;version=1", "/p/q")
    with pytest.raises(BadRequest):
        await table.match(a_request(path="/p;version=1/q"))


def test_it_shows_its_routes():
    """The house checks at boot what they name."""
    assert a_table("/a", "/b").routes == {"/a": TERMS, "/b": TERMS}


SEGMENTS = st.lists(st.sampled_from(["a", "b", "ab", ""]), max_size=5)


@given(st.sets(SEGMENTS.map(lambda segments: "".join(f"/{s}" for s in segments if s))), SEGMENTS)
def test_it_agrees_with_the_definition(prefixes, segments):
    """Whatever the table, the answer is the longest prefix that ends with a segment."""
    path = "/" + "/".join(segments)
    fitting = [p for p in prefixes if path == p or path.startswith(f"{p}/")]
    entry = a_table(*prefixes)._longest(path)
    assert (entry and entry.prefix) == (max(fitting, key=len) if fitting else None)


async def test_a_path_of_many_segments_is_looked_at_as_deep_as_the_table():
    """A long path costs a lookup a configured level, not one a slash."""

    class Counting(dict):
        asked = 0

        def get(self, *arguments):
            Counting.asked += 1
            return super().get(*arguments)

    table = a_table("/a/b")
    table._entries = Counting(table._entries)
    await table.match(a_request(path="/a" * 4000))
    assert Counting.asked <= 3
