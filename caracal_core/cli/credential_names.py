"""Whether a credential's name could be one: a misspelt name looks like safety and is none."""

from __future__ import annotations

import re

import click

from caracal_core.assembly.discovery import installed_for
from caracal_core.assembly.own_plugins import how_to_install, mode_of
from caracal_core.cli.furnished import authenticators_of
from caracal_core.cli.output import fail
from caracal_core.cli.session import load_configuration
from caracal_core.config.load import Loaded
from caracal_core.domain import CredentialForm
from caracal_core.ports import Authenticator, NamesCredentials

_TOKEN = re.compile(r"(Bearer )?eyJ[A-Za-z0-9_-]+\.", re.ASCII)


def check_name(ctx: click.Context, scheme: str, credential: str | None) -> None:
    """End the command where no credential could be meant.

    What is no name may be a whole credential, and is not repeated.

    Args:
        ctx: the command's context.
        scheme: the scheme that the credential is said to be of.
        credential: its public name; None where all of an agent's are meant.
    """
    if credential is not None and _TOKEN.match(credential):
        fail("That looks like a whole token. Its public name is its issuer and its jti.", code=2)
    loaded = load_configuration(ctx)
    known = {part.scheme: part for part in authenticators_of(loaded)}
    if scheme not in known:
        fail(_unknown(loaded, scheme, sorted(known)))
    form = _form(known[scheme])
    if credential is not None and form is not None and not form.fits(credential):
        shows = f" `{form.shown_by}` shows it." if form.shown_by else ""
        fail(f"The name of a credential of {scheme} is {form.words}.{shows}", code=2)


def _form(part: Authenticator) -> CredentialForm | None:
    return part.credential_form if isinstance(part, NamesCredentials) else None


def _unknown(loaded: Loaded, scheme: str, known: list[str]) -> str:
    """Say why no credential of a scheme can be named now, and what would change that."""
    there = f"No enabled mode has the scheme {scheme!r}; there are: {', '.join(known) or 'none'}."
    plugin = installed_for(scheme)
    if plugin is None:
        mend = how_to_install(f"auth_{scheme}")
        return f"{there} {mend}." if mend else there
    if plugin in {each.name for each in loaded.enabled}:
        return there
    mode = mode_of(plugin)
    return (
        f"The mode {mode} is installed and not enabled. No credential of it is good at the moment, "
        "and what is not enabled is not imported, so that nobody can judge a name of its "
        f"credentials. To name one now, add `--set auth_trial={mode}` to this command."
    )
