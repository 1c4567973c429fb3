"""What the tests of all nouns share."""

import pytest


@pytest.fixture
def frozen():
    """Prove that a value never changes: no field can be set, and no other be added."""

    def check(value):
        for name in value.__struct_fields__:
            with pytest.raises(AttributeError):
                setattr(value, name, getattr(value, name))
        with pytest.raises(AttributeError):
            value.something_else = 1

    return check
