"""Two quotes for one request by one price carry the same note; it is not changed afterwards."""

import pytest

from caracal_core.builtin.tariffs.priced import Priced
from caracal_core.testing.fakes import a_request


def test_it_is_a_value(bare_price):
    body = a_request("POST", body=b"x").body
    one, other = (Priced(bare_price, None, body, 1.0) for _ in range(2))
    assert one == other
    assert one != Priced(bare_price, None, body, 1.0, keeps_usage=True)
    with pytest.raises(AttributeError):
        one.price = None
