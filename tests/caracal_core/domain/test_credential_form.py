"""A credential's name has its scheme's form as a whole, or it is none."""

from caracal_core.domain.credential_form import CredentialForm

FORM = CredentialForm("[a-z]{4}|idp .+", "four letters", "caracal keys list")


def test_a_name_fits_as_a_whole():
    """What stands around a good name would make it another one."""
    assert FORM.fits("abcd")
    assert FORM.fits("idp 17")
    for wrong in ("", "abc", "abcde", " abcd", "abcd\n", "ABCD", "the idp 17", "idp "):
        assert not FORM.fits(wrong)
