"""The demo's world: a directory with a configuration, a key, a token, and one funded agent."""

from __future__ import annotations

from pathlib import Path

import yaml
from msgspec import Struct

from caracal_core.cli.demo.token import make_key, sign

AGENT = "demo-agent"
ISSUER = "https://demo.caracal.invalid"
AUDIENCE = "caracal-demo"
BUDGET = "1.00"
PRICE = "0.25"
LISTEN = "127.0.0.1:8443"
OPERATIONS = "127.0.0.1:9090"


class World(Struct, frozen=True):
    """Where the demo's files stand.

    Attributes:
        directory: holds everything, the embedded database included.
        config: the demo's configuration.
        token_file: the agent's token, readable by its owner only.
    """

    directory: Path
    config: Path
    token_file: Path


def make_world(directory: Path, upstream_port: int) -> World:
    """Write the demo's files into the directory, replacing an earlier demo's.

    Their names are the demo's own, so that a ``caracal.yaml`` that stands there is left alone.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    world = World(directory, directory / "demo.yaml", directory / "demo.token")
    public_key = directory / "demo_public.pem"
    key = make_key(public_key)
    world.token_file.touch(mode=0o600)
    world.token_file.write_text(sign(key, AGENT, ISSUER, AUDIENCE))
    settings = _settings(directory, public_key, upstream_port)
    world.config.write_text(yaml.safe_dump(settings, sort_keys=False))
    return world


def _settings(directory: Path, public_key: Path, upstream_port: int) -> dict[str, object]:
    def route(name: str, tariff: str | None = None) -> dict[str, object]:
        priced = {"tariff": tariff} if tariff else {}
        return {
            "id": name,
            "path": f"/{name}/",
            "strip_prefix": True,
            "methods": ["GET", "POST"],
            "upstream": "demo",
            **priced,
        }

    return {
        "listen": LISTEN,
        "operations": {"listen": OPERATIONS},
        "tls": {"mode": "off"},
        "database": {"data_dir": str(directory)},
        "auth_mode": "jwt",
        "auth_jwt": {
            "public_key_path": str(public_key),
            "algorithm": "RS256",
            "issuer": ISSUER,
            "audience": AUDIENCE,
        },
        "upstreams": {"demo": {"url": f"http://127.0.0.1:{upstream_port}", "allow_private": True}},
        "tariffs": {"per_call": {"currency": "USD", "per_call": PRICE}},
        "routes": [route("paid", "per_call"), route("free"), route("forbidden")],
        "policies": [
            {"id": "demo", "effect": "permit", "agents": [AGENT], "routes": ["paid", "free"]}
        ],
    }
