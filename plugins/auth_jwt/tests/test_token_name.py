"""A token's name is its issuer and its jti, and no other text could be one."""

from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_jwt.token_name import NAME_MAX, form_of, name_of

IDP = "https://idp.example/realm+1"
TEXTS = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), min_size=1)


def test_a_token_without_jti_has_no_name():
    assert name_of(IDP, None) is None
    assert name_of(IDP, "") is None


def test_a_name_says_the_issuer_where_the_token_does():
    assert name_of(IDP, "17") == f"{IDP} 17"
    assert name_of(None, "17") == "17"


def test_what_is_too_long_is_told_by_its_digest():
    name = name_of(IDP, "1" * NAME_MAX)
    assert name.startswith("sha256:")
    assert form_of([IDP]).fits(name)


@given(jti=TEXTS, issuer=st.sampled_from([IDP, "other"]))
def test_every_name_has_the_form(jti, issuer):
    """Else a right name could not be revoked."""
    assert form_of([IDP, "other"]).fits(name_of(issuer, jti))
    assert form_of([None]).fits(name_of(None, jti))


def test_a_name_of_no_configured_issuer_is_none():
    """A jti alone, or an issuer with a slash too many, would revoke nothing."""
    form = form_of([IDP, "other"])
    for wrong in ("17", f"{IDP}/ 17", f"{IDP} ", "https://idpxexample/realm+1 17", "sha256:17"):
        assert not form.fits(wrong)
    assert IDP in form.words
