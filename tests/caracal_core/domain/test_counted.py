"""One thing is one, and any other number of them is several."""

from caracal_core.domain.counted import counted


def test_only_one_is_singular():
    said = [counted(number, "key") for number in (0, 1, 2, 21)]
    assert said == ["0 keys", "1 key", "2 keys", "21 keys"]
