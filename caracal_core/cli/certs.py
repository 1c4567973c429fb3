"""``caracal certs``: certificates and keys for development and a first deployment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from cryptography import x509
from msgspec import Struct

from caracal_core.cli.asking import as_json
from caracal_core.cli.certificates import Authority, name_of, names_in, new_token_keys, read
from caracal_core.cli.moments import shown
from caracal_core.cli.new_files import PRIVATE, PUBLIC, make_private_directory, there, write_new
from caracal_core.cli.output import fail, show

AUTHORITY, AUTHORITY_KEY = "ca.crt", "ca.key"

AGENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}", re.ASCII)
"""Names that a SPIFFE ID and a file can bear as they are."""

KUBERNETES = (
    "caracal-gateway",
    "caracal-gateway.caracal",
    "caracal-gateway.caracal.svc",
    "caracal-gateway.caracal.svc.cluster.local",
)
"""The gateway's Service in its namespace, by each name that the cluster resolves."""

FILE_BYTES_MAX = 65_536
"""The largest file of certificates that is shown."""

LOCAL = ("localhost", "127.0.0.1", "::1")


class File(Struct, frozen=True):
    """A file to write."""

    content: bytes
    mode: int = PUBLIC


@click.group("certs")
def group() -> None:
    """Make certificates and keys for a first deployment; show what a certificate is called."""


@group.command("init", short_help="Make a first set of certificates, and keys for tokens.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), default="certs")
@click.option("--host", "hosts", multiple=True, help="A further name or address of the gateway.")
@click.option("--agent", "agents", multiple=True, help="An agent to make a certificate for.")
@click.option(
    "--days",
    type=click.IntRange(1, 825),
    default=365,
    show_default=True,
    help="How long the server's and the agents' certificates are valid.",
)
def init(directory: Path, hosts: tuple[str, ...], agents: tuple[str, ...], days: int) -> None:
    """Make an authority, a server's and agents' certificates, and a key pair for tokens.

    Nothing is ever overwritten. Where the authority is there already, only the agents'
    certificates are made, by it. In production, let your own authority issue them.
    """
    for agent in agents:
        if not AGENT.fullmatch(agent):
            fail(f"{agent!r} cannot stand in a SPIFFE ID: use 1-64 of A-Z a-z 0-9 . _ -")
    try:
        make_private_directory(directory)
        known = bool(there(directory, {AUTHORITY: None, AUTHORITY_KEY: None}))
        if known and not agents:
            fail(
                f"{directory} holds an authority already, and nothing is overwritten. Name another "
                "directory, or further agents (--agent) for this authority to certify."
            )
        if known and hosts:
            fail(f"{directory} holds a server's certificate already; --host is for a new one.")
        files = _agents(_known(directory), agents, days) if known else _all(hosts, agents, days)
        _write(directory, files)
    except OSError as error:
        fail(f"{error.filename or directory} cannot be used: {error.strerror}.")
    _tell(directory, files, agents)


@group.command("show", short_help="Show certificates, and what to revoke each by.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_json
def show_(file: Path, as_json: bool) -> None:
    """Show the certificates in FILE: names, serial, validity, and what to revoke each by.

    The last is for `caracal revocations add --scheme mtls --credential`.
    """
    try:
        with file.open("rb") as opened:
            rows = [_row(each) for each in read(opened.read(FILE_BYTES_MAX + 1), FILE_BYTES_MAX)]
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}.")
    except ValueError:
        fail(f"{file} is no certificate in PEM or DER, or has more than {FILE_BYTES_MAX} bytes.")
    columns = ["names", "serial", "not_before", "not_after", "credential"]
    show(rows, columns, as_json=as_json, empty="")


def _row(certificate: x509.Certificate) -> Mapping[str, object]:
    return {
        "names": names_in(certificate),
        "serial": f"{certificate.serial_number:x}",
        "not_before": shown(certificate.not_valid_before_utc.timestamp()),
        "not_after": shown(certificate.not_valid_after_utc.timestamp()),
        "credential": name_of(certificate),
    }


def _known(directory: Path) -> Authority:
    """Return the authority that an earlier run made."""
    try:
        certificate, key = (directory / name for name in (AUTHORITY, AUTHORITY_KEY))
        return Authority.load(certificate.read_bytes(), key.read_bytes())
    except ValueError:
        fail(f"{directory} does not hold an authority of this command's: see ca.crt and ca.key.")


def _all(hosts: Sequence[str], agents: Sequence[str], days: int) -> dict[str, File]:
    authority = Authority.new()
    try:
        server = authority.issue_server([*hosts, *LOCAL, *KUBERNETES], days)
    except ValueError:
        fail("A --host is neither a DNS name in ASCII nor an IP address.")
    tokens = new_token_keys()
    return {
        AUTHORITY: File(authority.own.certificate),
        AUTHORITY_KEY: File(authority.own.key, PRIVATE),
        "server.crt": File(server.certificate),
        "server.key": File(server.key, PRIVATE),
        "jwt_public.pem": File(tokens.public),
        "jwt_private.pem": File(tokens.private, PRIVATE),
        **_agents(authority, agents, days),
    }


def _agents(authority: Authority, agents: Sequence[str], days: int) -> dict[str, File]:
    files = {}
    for agent in agents:
        made = authority.issue_agent(agent, days)
        files[f"agent-{agent}.crt"] = File(made.certificate)
        files[f"agent-{agent}.key"] = File(made.key, PRIVATE)
    return files


def _write(directory: Path, files: dict[str, File]) -> None:
    """Write all files, or none where one is there."""
    if found := there(directory, files):
        fail(f"{directory / found[0]} is there already, and nothing is overwritten.")
    for name, file in files.items():
        write_new(directory / name, file.content, file.mode)


def _tell(directory: Path, files: dict[str, File], agents: Sequence[str]) -> None:
    for name, file in files.items():
        click.echo(f"{directory / name}{'  (private)' if file.mode == PRIVATE else ''}")
    if AUTHORITY in files:
        click.echo(
            f"\nThe gateway: TLS_CERT_FILE={directory / 'server.crt'} "
            f"TLS_KEY_FILE={directory / 'server.key'} TLS_CA_FILE={directory / AUTHORITY} "
            f"JWT_PUBLIC_KEY_PATH={directory / 'jwt_public.pem'}\n"
            f"Keep {AUTHORITY_KEY} and jwt_private.pem away from it: they make agents."
        )
    for agent in agents:
        (certificate,) = read(files[f"agent-{agent}.crt"].content, FILE_BYTES_MAX)
        name = name_of(certificate)
        click.echo(
            f"\nAgent {agent} (AUTH_MODE=mtls): curl --cacert {directory / AUTHORITY} --cert "
            f"{directory / f'agent-{agent}.crt'} --key {directory / f'agent-{agent}.key'} ...\n"
            f"To revoke it: caracal revocations add --scheme mtls --credential {name}"
        )
