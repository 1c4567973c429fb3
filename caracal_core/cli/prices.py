"""``caracal prices``: what calls cost, now and by every version that was ever in force."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import BinaryIO

import click
import yaml

from caracal_core.builtin.tariffs import TariffsPlugin
from caracal_core.builtin.tariffs.config import TariffConfig, TariffsConfig
from caracal_core.builtin.tariffs.price import Models
from caracal_core.cli.asking import as_json, ask, limit
from caracal_core.cli.moments import shown
from caracal_core.cli.output import fail, show
from caracal_core.cli.session import load_configuration
from caracal_core.config.document import parse_document
from caracal_core.config.merge import Merged
from caracal_core.config.schema import Part
from caracal_core.config.validate import validate
from caracal_core.errors import Misconfigured
from caracal_core.storage import prices
from caracal_core.storage.prices import PriceVersion

_TERMS_MAX = 2**20


@click.group("prices")
def group() -> None:
    """Set prices, and show every version of them.

    The configuration says which tariffs there are. A price that is set here displaces the one of
    the configuration, whole, on every gateway within seconds; `--as-configured` takes it back.
    """


@group.command("set")
@click.argument("tariff")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--as-configured", is_flag=True, help="Leave it to the configuration again.")
@click.pass_context
def set_(ctx: click.Context, tariff: str, file: BinaryIO | None, as_configured: bool) -> None:
    """Put the price in FILE into force for TARIFF.

    FILE is YAML, as it stands below the tariff's name in the configuration; - is standard input.
    """
    if (file is None) != as_configured:
        raise click.UsageError("give either a FILE or --as-configured", ctx)
    configured = _configured(ctx, tariff)
    terms = None if file is None else _terms(tariff, file, configured.currency)
    made = ask(ctx, lambda database: prices.add(database, tariff, terms))
    said = "leaves it to the configuration" if terms is None else "is in force within seconds"
    click.echo(f"{tariff}@{made.version} {said}.")


@group.command("list")
@as_json
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List which version of each tariff is in force."""
    configured = _tariffs(ctx)
    newest = {each.tariff: each for each in ask(ctx, prices.newest)}
    show(
        [
            _in_force(name, config, newest.get(name))
            for name, config in sorted(configured.tariffs.items())
        ],
        ["tariff", "version", "source", "since", "currency", "prices"],
        as_json=as_json,
        empty="There is no tariff; the key tariffs of the configuration makes some.",
    )


@group.command("show")
@click.argument("name")
@as_json
@click.pass_context
def show_(ctx: click.Context, name: str, as_json: bool) -> None:
    """Show what a price says.

    NAME is a tariff, which shows what is in force, or the price of an entry, such as
    llm_call/gpt-x@3, which shows that version and, with a model, that model's prices alone.
    """
    whole, _, version = name.rpartition("@") if "@" in name else (name, "", "")
    tariff, _, model = whole.partition("/")
    text = _said(ctx, tariff, version)
    if text is None:
        click.echo(f"{name} leaves the tariff to the configuration.")
        return
    said = json.loads(text)
    if model:
        said["models"] = _of_model(text, said, model)
    if as_json:
        click.echo(json.dumps(said, indent=2))
    else:
        click.echo(yaml.safe_dump(said, sort_keys=False, allow_unicode=True), nl=False)


@group.command("history")
@click.argument("tariff")
@click.option("--after", default=0, metavar="ID", help="Only ids above this one.")
@limit
@as_json
@click.pass_context
def history(ctx: click.Context, tariff: str, after: int, limit: int, as_json: bool) -> None:
    """List every version of TARIFF, the oldest first."""
    found = ask(ctx, lambda database: prices.history(database, tariff, after=after, limit=limit))
    show(
        [_row(version) for version in found],
        ["id", "version", "created_at", "currency", "prices"],
        as_json=as_json,
        empty=f"No version of {tariff} was ever in force.",
    )
    if len(found) == limit:
        click.echo(f"There may be more: --after {found[-1].id}", err=True)


def _tariffs(ctx: click.Context) -> TariffsConfig:
    section = load_configuration(ctx).sections[TariffsPlugin.name]
    assert isinstance(section, TariffsConfig), "the schema made it"  # noqa: S101 - by construction
    return section


def _configured(ctx: click.Context, tariff: str) -> TariffConfig:
    """Return what the configuration says; it alone makes tariffs."""
    found = _tariffs(ctx).tariffs.get(tariff)
    if found is None:
        fail(f"The configuration has no tariff {tariff}; add it to the key tariffs first.")
    return found


def _terms(tariff: str, file: BinaryIO, currency: str) -> str:
    """Return what a file says, checked, as it is stored.

    Raises:
        Misconfigured: it says no price, or one in another currency.
    """
    content = file.read(_TERMS_MAX + 1)
    if len(content) > _TERMS_MAX:
        raise Misconfigured(file.name, f"is longer than {_TERMS_MAX} bytes", "Write less.")
    document = parse_document(content, file.name)
    root = (TariffsPlugin.name, tariff)
    tree = {TariffsPlugin.name: {tariff: document.tree}}
    origins = {(*root, *path): f"{file.name} line {at}" for path, at in document.lines.items()}
    part = Part(TariffsPlugin.name, (), TariffsConfig)
    book = validate(part, Merged(tree, origins, frozenset()))
    assert isinstance(book, TariffsConfig), "it was validated as one"  # noqa: S101 - by construction
    read = book.tariffs[tariff]
    if read.currency != currency:
        raise Misconfigured(
            file.name,
            f"is in {read.currency}, while {tariff} is in {currency}",
            "Budgets and holds are in that currency; change the configuration for another.",
        )
    return read.terms


def _said(ctx: click.Context, tariff: str, version: str) -> str | None:
    """Return the terms of a version, or of what is in force; None where they are elsewhere."""
    if version:
        return ask(ctx, lambda database: prices.find(database, tariff, version)).terms
    configured = _configured(ctx, tariff)
    newest = {each.tariff: each for each in ask(ctx, prices.newest)}
    in_force = newest.get(tariff)
    return configured.terms if in_force is None or in_force.terms is None else in_force.terms


def _of_model(text: str, said: Mapping[str, Mapping[str, object]], model: str) -> object:
    """Return the prices that a name, of a model or of the price book, leads to."""
    names: Models = TariffConfig.model_validate_json(text).price("", "").models
    key = model if model in said.get("models", {}) else (names.find(model) or ("",))[0]
    if not key:
        fail(f"That version prices no model {model}.")
    return {key: said["models"][key]}


def _in_force(
    tariff: str, config: TariffConfig, newest: PriceVersion | None
) -> Mapping[str, object]:
    if newest is None or newest.terms is None:
        version, terms, since = config.version(tariff), config.terms, None
        source = "configuration"
    else:
        version, terms, since = newest.version, newest.terms, newest.created_at
        source = "database"
    return {
        "tariff": tariff,
        "version": version,
        "source": source,
        "since": shown(since),
        **_summary(terms),
    }


def _row(version: PriceVersion) -> Mapping[str, object]:
    return {
        "id": version.id,
        "tariff": version.tariff,
        "version": version.version,
        "created_at": shown(version.created_at),
        **_summary(version.terms),
    }


def _summary(text: str | None) -> Mapping[str, object]:
    """Return the currency, and which kinds of price there are."""
    if text is None:
        return {"currency": None, "prices": "as configured"}
    said = json.loads(text)
    kinds = [key for key in said if key.startswith("per_")]
    models = len(said.get("models", {}))
    if models:
        kinds.append(f"{models} model{'s' if models != 1 else ''}")
    return {"currency": said["currency"], "prices": ", ".join(kinds)}
