"""The shares of connections fit into the limit, and the limit is raised as far as it may be."""

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.edge.descriptors import AGENTS_MAX, OPERATORS_MAX, raise_limit, share
from caracal_core.errors import Misconfigured


@given(st.integers(200, 2_000_000), st.integers(0, 100_000), st.integers(0, 150))
def test_whatever_the_limit_everything_fits_into_it(limit, upstreams, others):
    shares = share(limit, upstreams, others)
    assert shares.agents >= 1
    assert shares.operators >= 8
    used_upstream = min(upstreams, shares.agents)
    assert others + shares.operators + shares.agents + used_upstream <= limit


def test_where_there_is_enough_nobody_gets_less():
    shares = share(65_536, 10 * 512, 100)
    assert (shares.agents, shares.operators) == (AGENTS_MAX, OPERATORS_MAX)


def test_what_the_upstreams_leave_or_half_of_it_is_for_agents():
    assert share(1024, 100, 64).agents == 800
    assert share(1024, 100_000, 64).agents == 450


def test_too_few_to_serve_with_is_said():
    with pytest.raises(Misconfigured, match=r"limit of open files: 64 are too few.*ulimit"):
        share(64, 512, 64)


@pytest.mark.parametrize(("soft", "hard"), [(100, 150), (120, 120)])
def test_the_soft_limit_becomes_the_hard_one(soft, hard):
    script = (
        "import resource; from caracal_core.edge.descriptors import raise_limit;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)  # noqa: S603 - this very Python
    assert done.stdout.split() == [str(hard).encode()] * 3


def test_a_limit_that_may_not_be_raised_is_what_it_is(monkeypatch):
    def refuse(*_):
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", lambda _: (100, 200))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert raise_limit() == 100


def test_no_limit_is_a_large_one(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert share(raise_limit(), 0, 0).agents == AGENTS_MAX
