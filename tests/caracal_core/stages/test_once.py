"""What is good for one request is a value and times that can be judged, or the part has failed."""

import pytest

from caracal_core.domain import Once
from caracal_core.errors import Failure
from caracal_core.stages.once import ONCE_MAX, check_once

NOW = 1_800_000_000
TIMES = [name for name in Once.__struct_fields__ if name != "value"]
GOOD = dict.fromkeys(TIMES, NOW)


@pytest.mark.parametrize("value", ["v", "x" * 128, "jti:!~"])
@pytest.mark.parametrize("time", [NOW, NOW + 0.5, 0, -1, 10**15])
def test_what_makes_sense_passes(value, time):
    check_once("acme authenticator", "acme", ())
    one = Once(value, **dict.fromkeys(TIMES, time))
    check_once("acme authenticator", "acme", (one, Once("w", **GOOD)))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "once is a NoneType instead of a tuple"),
        ([Once("v", **GOOD)], "once is a list instead of a tuple"),
        (Once("v", **GOOD), "once is a Once instead of a tuple"),
        ((Once("v", **GOOD),) * (ONCE_MAX + 1), "once holds more than 8"),
        (("v",), "once holds a str"),
        ((Once("v", **GOOD), None), "once holds a NoneType"),
        *(
            ((Once(value, **GOOD),), "a value of once is not 1-128 visible ASCII characters")
            for value in ("", "x" * 129, "a b", "v\n", "caf\u00e9", b"v", None, 7)
        ),
    ],
)
def test_what_makes_none_is_the_authenticators_failure(said, why):
    with pytest.raises(Failure) as failure:
        check_once("acme authenticator", "acme", said)
    assert (failure.value.part, failure.value.internal) == ("acme authenticator", f"acme: {why}")


@pytest.mark.parametrize("name", TIMES)
@pytest.mark.parametrize(
    "time", [float("nan"), float("inf"), -float("inf"), 10**400, "1", None, b"", 1j, [1]]
)
def test_so_is_a_time_that_no_window_can_judge(name, time):
    with pytest.raises(Failure, match="acme: a time of once is no finite number"):
        check_once("acme authenticator", "acme", (Once("v", **GOOD | {name: time}),))
