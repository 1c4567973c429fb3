"""What CI and people run alike: ``nox``, or one session by ``nox -s NAME``."""

from pathlib import Path

import nox

ROOT = Path(__file__).parent
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
PYTHONS = ["3.11", "3.12", "3.13"]
TEST_TOOLS = ["pytest>=9", "pytest-sanic>=1.9.1", "pytest-timeout>=2.4", "hypothesis>=6.150"]

nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False


def _install_all(session: nox.Session) -> None:
    """Install everything for working on this tree, in development mode."""
    session.install("--requirement", "requirements/dev.txt")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests on each Python that is present; arguments go to pytest."""
    _install_all(session)
    session.run("pytest", "-n", "4", "--dist", "worksteal", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    _install_all(session)
    session.run("mypy")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    _install_all(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def floors(session: nox.Session) -> None:
    """Check who imports whom, and the style of the house."""
    _install_all(session)
    session.run("lint-imports", "--no-cache")
    session.run("pytest", "tests/house")


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every wheel; install each plugin's beside the core's alone and run its tests there."""
    session.install("build", "hatchling>=1.27", *TEST_TOOLS)
    directory = Path(session.create_tmp())
    core = _wheel(session, ROOT, directory / "core")
    for plugin in PLUGINS:
        wheel = _wheel(session, plugin, directory / plugin.name)
        session.install("--force-reinstall", "--no-deps", core, wheel)
        session.install(core, wheel)
        with session.chdir(directory):
            session.run("pytest", "--config-file", str(ROOT / "pyproject.toml"), plugin / "tests")


def _wheel(session: nox.Session, project: Path, directory: Path) -> str:
    """Build a project's wheel in an empty directory and return its path."""
    for old in directory.glob("*.whl"):
        old.unlink()
    session.run(
        "python", "-m", "build", "--wheel", "--no-isolation", "--outdir", directory, project
    )
    (wheel,) = directory.glob("*.whl")
    return str(wheel)
