"""``caracal serve``: open everything, serve until a signal, close everything."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from caracal_core.assembly.logs import configure_logging
from caracal_core.assembly.masking import Masking
from caracal_core.cli.ending import run_to_the_end
from caracal_core.cli.hangup import endure
from caracal_core.cli.opening import serve_house
from caracal_core.cli.options import chosen_file, overrides
from caracal_core.cli.session import load_configuration, sources

_log = logging.getLogger("caracal.config")


@click.command("serve")
@click.option("--demo", is_flag=True, help="Serve a demo with an upstream, an agent and a budget.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --demo: keep its files there instead of in a temporary directory.",
)
@click.pass_context
def command(ctx: click.Context, demo: bool, data_dir: Path | None) -> None:
    """Serve agents until SIGTERM or SIGINT; requests in flight are finished first.

    A second signal does not wait for them: what was sent is paid for by its route's rule for cut.

    Prints one JSON line with both addresses once it listens; the demo prints its tour. SIGHUP
    has a changed configuration taken into effect at once.
    """
    endure()
    if data_dir is not None and not demo:
        raise click.UsageError("--data-dir goes with --demo; else set database.data_dir.")
    if demo and chosen_file(ctx) is not None:
        raise click.UsageError("--demo writes its own configuration; change it with --set.")
    masking = Masking()
    if demo:
        from caracal_core.cli.demo.serving import serve_demo  # noqa: PLC0415 - an upstream too

        configure_logging("WARNING", masking)
        run_to_the_end(serve_demo(data_dir, overrides(ctx), masking))
        return
    places = sources(ctx)
    loaded = load_configuration(ctx)
    configure_logging(loaded.core.log_level, masking)
    for note in loaded.notes:
        _log.info("%s", note)
    run_to_the_end(serve_house(places, loaded, masking))
