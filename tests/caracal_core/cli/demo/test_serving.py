"""The demo reads its own file and nothing else, and funds its agent once."""

import pytest

from caracal_core.assembly.masking import Masking
from caracal_core.builtin.ledger.budgets import budgets
from caracal_core.cli.demo import serving
from caracal_core.cli.demo.serving import Tour, serve_demo
from caracal_core.cli.demo.world import AGENT, BUDGET, make_world
from caracal_core.config import sources
from caracal_core.errors import Misconfigured


@pytest.fixture
def served(monkeypatch):
    """What would be served, once `serve_demo` came so far."""
    served = []

    async def remember(places, loaded, *_):
        served.append((places, loaded))

    monkeypatch.setattr(serving, "serve_house", remember)
    return served


async def test_no_setting_of_a_real_deployment_leaks_in(served, tmp_path, monkeypatch):
    """On a pod the variables and the mounted ConfigMap name the real database."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    (mounted / "DB_HOST").write_text("db.internal")
    monkeypatch.setattr(sources, "SETTINGS_DIRECTORY", mounted)
    monkeypatch.setenv("CARACAL_SETTINGS_DIR", str(mounted))
    monkeypatch.setenv("CARACAL_CONFIG", str(tmp_path / "caracal.yaml"))
    monkeypatch.setenv("AUTH_MODE", "mtls")
    await serve_demo(tmp_path, {}, Masking())
    [(_, loaded)] = served
    assert (loaded.core.database.embedded, loaded.core.database.data_dir) == (True, tmp_path)
    assert (loaded.core.auth_mode, loaded.core.tls.mode) == (("jwt",), "off")


async def test_the_command_line_can_change_it(served, tmp_path):
    await serve_demo(tmp_path, {"listen": "127.0.0.1:1234", "log_level": "DEBUG"}, Masking())
    [(_, loaded)] = served
    assert (str(loaded.core.listen), loaded.core.log_level) == ("127.0.0.1:1234", "DEBUG")


async def test_a_temporary_directory_is_removed(served):
    await serve_demo(None, {}, Masking())
    [(places, _)] = served
    assert not places.file.parent.exists()


async def test_a_database_in_the_environment_is_refused_by_name(served, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "secret")
    with pytest.raises(Misconfigured, match="env -u DB_PASSWORD") as refused:
        await serve_demo(None, {}, Masking())
    assert "secret" not in str(refused.value)
    assert served == []


async def test_a_directory_that_cannot_be_made_is_refused(served, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="file"):
        await serve_demo(tmp_path / "file" / "inside", {}, Masking())


async def test_the_agent_is_funded_once_and_again(database, tmp_path, capsys):
    for _ in range(2):
        tour = Tour(make_world(tmp_path, 1))
        await tour.fund(database)
    (budget,) = await budgets(database, limit=10)
    assert (budget.account, budget.limit.decimal) == (AGENT, BUDGET.removesuffix(".00"))
    tour.show("http://g", "http://o")
    assert "http://g/paid/hello" in capsys.readouterr().out
