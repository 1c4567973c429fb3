"""What a proof may be revoked by, and say once, makes sense, or the authenticator has failed."""

import pytest

from caracal_core.domain import CredentialName, Once, Principal
from caracal_core.errors import Failure
from caracal_core.stages.proof import NAME_MAX, SCHEME_MAX, VIA_MAX, check_proof, rested_on

PROXY = CredentialName("acme", "proxy 1")


def check(id="anna", scheme="acme", **said):
    check_proof("acme authenticator", "acme", Principal(id, scheme, **said))


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"credential": "x" * NAME_MAX, "issued_at": -1},
        {"via": (PROXY,) * VIA_MAX},
        {"via": (CredentialName("s" * SCHEME_MAX, "caf\u00e9" * 64),)},
        {"once": (Once("v", 1),)},
    ],
)
def test_what_makes_sense_passes(said):
    check(**said)


NAMES = ["", "x" * (NAME_MAX + 1), "a\nb", "a\x00", b"x", 7, ["x"], {}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"id": ["anna"]}, "name"),
        ({"id": None}, "name"),
        ({"scheme": "other"}, "another scheme"),
        ({"scheme": None}, "another scheme"),
        ({"once": None}, "once is a NoneType"),
        *(({"credential": name}, "a credential's name is not") for name in NAMES),
        *(
            ({"issued_at": time}, "issued_at is no finite number")
            for time in (float("nan"), float("inf"), -float("inf"), 10**400, "1", b"", [1])
        ),
        *(
            ({"via": via}, "via is no tuple of at most 8")
            for via in (
                None,
                "proxy",
                [PROXY],
                PROXY,
                ("proxy",),
                (PROXY,) * (VIA_MAX + 1),
                *((CredentialName("acme", name),) for name in NAMES),
                *((CredentialName(name, "proxy"),) for name in (None, "", "s" * 65, ["acme"])),
            )
        ),
    ],
)
def test_what_makes_none_is_the_authenticators_failure(said, why):
    """A revocation would not find it, or would call a credential good that nobody can judge."""
    with pytest.raises(Failure, match=why) as failure:
        check(**said)
    assert failure.value.part == "acme authenticator"


def test_all_that_several_proofs_rest_on_is_named_but_the_first_ones_own():
    certificate = Principal("anna", "mtls", credential="c", via=(PROXY,))
    nameless = Principal("anna", "acme")
    key = Principal("anna", "api_key", credential="k", via=(CredentialName("api_key", "of"),))
    assert rested_on([certificate, nameless, key]) == (
        PROXY,
        CredentialName("api_key", "k"),
        CredentialName("api_key", "of"),
    )
    assert rested_on([certificate]) == (PROXY,)
    assert rested_on([key, certificate])[-2:] == (CredentialName("mtls", "c"), PROXY)
