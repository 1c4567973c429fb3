"""What the house lends: what has the verbs is a service, what lacks one is none."""

import pytest

from caracal_core.ports import Database, Http, SecretSource, Statements

VERBS = {
    Statements: {"fetch", "execute"},
    Database: {"fetch", "execute", "dialect", "transact"},
    Http: {"get"},
}


def _service(names):
    return type("Service", (), dict.fromkeys(names, lambda *_: None))()


@pytest.mark.parametrize("port", VERBS, ids=lambda port: port.__name__)
def test_every_verb_is_needed(port):
    assert isinstance(_service(VERBS[port]), port)
    for verb in VERBS[port]:
        assert not isinstance(_service(VERBS[port] - {verb}), port)


def test_where_a_secret_stands_never_changes():
    source = SecretSource(file="/run/key")
    with pytest.raises(AttributeError):
        source.file = "other"
