"""``caracal token mint``: signs a token for trying out, as the configured issuer would."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import click

from caracal_auth_jwt import doubts
from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.header import KEY_ID
from caracal_auth_jwt.minting import mint
from caracal_auth_jwt.terms import Terms, terms_of

KEY_BYTES_MAX = 65_536
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_OWN = frozenset({"iss", "aud", "exp", "iat", "nbf", "sub"})
"""Claims that are written by the command itself, or are no text."""


def token_commands(config: JwtConfig) -> click.Group:
    """Return the group ``token``.

    Args:
        config: the section, of which issuers and audiences are read.
    """
    group = click.Group("token", help="Mint tokens for trying out.")
    group.add_command(
        click.Command(
            "mint",
            callback=_minting(config),
            help="Print a token for AGENT, signed with the issuer's private key.",
            params=[
                click.Argument(["agent"]),
                click.Option(
                    ["--key"],
                    required=True,
                    type=click.Path(exists=True, dir_okay=False, path_type=Path),
                    help="File with the private key (PEM).",
                ),
                click.Option(["--issuer"], help="`iss`; needed where several are configured."),
                click.Option(["--audience"], help="`aud`; the first configured one if left out."),
                click.Option(
                    ["--expires-in"],
                    default="10m",
                    show_default=True,
                    callback=_seconds,
                    help="How long it is valid, such as 600, 10m, 1h.",
                ),
                click.Option(["--kid"], help="What the header calls the key."),
                click.Option(
                    ["--claim", "claims"],
                    multiple=True,
                    metavar="NAME=TEXT",
                    callback=_claims,
                    help="One more claim; may be repeated.",
                ),
            ],
        )
    )
    return group


def _minting(config: JwtConfig) -> Callable[..., None]:
    def command(
        agent: str,
        key: Path,
        issuer: str | None,
        audience: str | None,
        expires_in: int,
        kid: str | None,
        claims: Mapping[str, str],
    ) -> None:
        terms = _chosen(terms_of(config), issuer)
        if kid is not None and not KEY_ID.fullmatch(kid):
            raise click.BadParameter("it has the shape of a path or a URL", param_hint="--kid")
        content = _content(terms, agent, audience, expires_in)
        twice = sorted(claims.keys() & (_OWN | content.keys()) - {"jti"})
        if twice:
            raise click.BadParameter(f"{twice[0]} is not for you to say", param_hint="--claim")
        token = _signed(key, terms, {**content, **claims}, kid)
        click.echo(token)
        _warn(doubts.of_token(config, terms.issuer, token))
        line = click.get_current_context().obj
        if line is not None:
            _warn(doubts.of_agent(line, agent))

    return command


def _warn(doubt: str | None) -> None:
    if doubt:
        click.echo(f"Warning: the gateway would refuse this token now: {doubt}", err=True)


def _chosen(every: Sequence[Terms], issuer: str | None) -> Terms:
    """Return the terms of the issuer that the token is to be of."""
    if len(every) == 1 and (issuer is None or every[0].issuer in (None, issuer)):
        only = every[0]
        return only if issuer is None else only.named(issuer)
    for terms in every:
        if issuer is not None and terms.issuer == issuer:
            return terms
    known = ", ".join(terms.issuer or "" for terms in every)
    raise click.BadParameter(f"name one of the configured issuers: {known}", param_hint="--issuer")


def _content(terms: Terms, agent: str, audience: str | None, expires_in: int) -> dict[str, Any]:
    """Return the claims of a token that the gateway would accept.

    Raises:
        ClickException: there is none.
    """
    if not terms.may_prove(agent):
        raise click.ClickException(f"The issuer may not prove an agent of the name {agent}.")
    if expires_in > terms.max_lifetime_seconds:
        raise click.ClickException(
            f"A token of {expires_in} s would be refused: max_lifetime_seconds is "
            f"{terms.max_lifetime_seconds:g}."
        )
    if audience is not None and terms.audiences and audience not in terms.audiences:
        raise click.ClickException(
            f"A token for {audience} would be refused; it has to be for one of "
            f"{', '.join(terms.audiences)}."
        )
    now = int(time.time())
    said = {"iss": terms.issuer, "aud": audience or next(iter(terms.audiences), None)}
    content = {name: value for name, value in said.items() if value is not None}
    times = {"iat": now, "exp": now + expires_in}
    return {**content, **times, "jti": token_hex(16), terms.agent_claim or "sub": agent}


def _signed(path: Path, terms: Terms, content: Mapping[str, Any], kid: str | None) -> str:
    """Sign with the first of the issuer's algorithms that the key is for."""
    with path.open("rb") as file:
        pem = file.read(KEY_BYTES_MAX)
    for algorithm in terms.algorithms:
        if algorithm in ALGORITHMS:
            try:
                return mint(pem, algorithm, content, kid)
            except ValueError:
                continue
    raise click.ClickException(
        f"{path} is no private key (PEM, not encrypted) for {' or '.join(terms.algorithms)}."
    )


def _seconds(_context: click.Context, _parameter: click.Parameter, value: str) -> int:
    match = _DURATION.fullmatch(value)
    if match is None or not int(match[1]):
        raise click.BadParameter("write a number of seconds, or such as 10m, 1h, 1d")
    return int(match[1]) * _UNITS[match[2]]


def _claims(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> Mapping[str, str]:
    claims = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise click.BadParameter("write NAME=TEXT")
        claims[name] = value
    return claims
