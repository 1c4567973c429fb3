"""The wheels that people install hold everything and nothing else, and work without the tree."""

import ast
import email
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = {
    "auth_apikey": ("ApiKeyPlugin", {"AUTH_MODE": "api_key"}),
    "auth_jwt": ("JwtPlugin", {}),
    "auth_mtls": ("MtlsPlugin", {"AUTH_MODE": "mtls"}),
}
"""Each plugin's class, and what enables it where the default does not."""
SOURCES = {
    "caracal_core": (ROOT, ROOT / "caracal_core"),
    **{
        f"caracal_{name}": (ROOT / "plugins" / name, ROOT / f"plugins/{name}/src/caracal_{name}")
        for name in PLUGINS
    },
}
PART_OF_ANOTHER = {"pydantic_core"}  # pydantic pins its exact version
TIMEOUT_SECONDS = 300


def run(command, cwd, **environment):
    """Run a command in a place and an environment that know nothing of the tree."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(  # noqa: S603 - what the test itself installed
        list(map(str, command)),
        cwd=cwd,
        env=bare | environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def information(wheel, name):
    """Return a file of the wheel's metadata."""
    archive = zipfile.ZipFile(wheel)
    (path,) = [each for each in archive.namelist() if each.endswith(f".dist-info/{name}")]
    return archive.read(path).decode()


def requirements(wheel):
    """Return what the wheel requires, extras included."""
    return email.message_from_string(information(wheel, "METADATA")).get_all("Requires-Dist")


def imports(path):
    """Return the top-level names that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def canonical(name):
    """Return a distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="session", params=PLUGINS)
def plugin(request):
    """Each plugin in turn."""
    return request.param


@pytest.fixture(scope="session")
def environment(build_wheel, install_afresh, plugin):
    """The ``bin`` directory of an environment with core and a plugin installed from wheels."""
    return install_afresh(build_wheel(ROOT), build_wheel(ROOT / "plugins" / plugin))


def test_every_plugin_of_the_tree_is_here():
    assert {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")} == set(PLUGINS)


@pytest.mark.parametrize("package", SOURCES)
def test_a_wheel_holds_its_package_and_nothing_else(build_wheel, package):
    """Every file of the package, migrations, SQL and the mark of its types included; no tests."""
    source, folder = SOURCES[package]
    files = (path for path in folder.rglob("*") if path.is_file())
    wanted = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for path in files
        if "__pycache__" not in path.parts
    }
    names = set(zipfile.ZipFile(build_wheel(source)).namelist())
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert f"{package}/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.parametrize("package", SOURCES)
def test_a_wheel_requires_what_its_package_imports(build_wheel, package):
    """Nothing is there only because something else happens to require it."""
    source, folder = SOURCES[package]
    imported = {name for path in folder.rglob("*.py") for name in imports(path)}
    foreign = imported - sys.stdlib_module_names - {package, *PART_OF_ANOTHER}
    lines = requirements(build_wheel(source))
    required = {canonical(re.split(r"[^A-Za-z0-9._-]", line)[0]) for line in lines}
    known = packages_distributions()
    wanted = {name: set(map(canonical, known.get(name, [name]))) for name in foreign}
    assert not {name for name, distributions in wanted.items() if not distributions & required}


def test_the_plugins_wheel_requires_core_by_a_range_and_offers_the_plugin(build_wheel, plugin):
    """A later core with other ports is not taken; the entry point bears the plugin's name."""
    wheel = build_wheel(ROOT / "plugins" / plugin)
    assert "caracal-core<2,>=1" in requirements(wheel)
    entry = f"{plugin} = caracal_{plugin}.plugin:{PLUGINS[plugin][0]}"
    assert entry in information(wheel, "entry_points.txt")


def test_the_installed_packages_are_the_wheels(environment, tmp_path, plugin):
    """The proofs below are about what was installed, not about the tree."""
    code = f"import caracal_core as c, caracal_{plugin} as p; print(c.__file__, p.__file__)"
    places = run([environment / "python", "-c", code], tmp_path).stdout.split()
    assert len(places) == 2
    assert all(Path(place).is_relative_to(environment.parent) for place in places)


@pytest.mark.timeout(TIMEOUT_SECONDS + 20)
def test_the_plugins_tests_pass_where_only_wheels_are(environment, tmp_path, plugin):
    """Its own tests, with its README, run against the installed plugin and core."""
    folder = ROOT / "plugins" / plugin
    shutil.copytree(folder / "tests", tmp_path / "tests")
    for file in (folder / "README.md", ROOT / "pyproject.toml"):
        shutil.copy(file, tmp_path)
    command = [environment / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    result = run(command, tmp_path, CARACAL_EXAMPLES="100")
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
    assert " passed" in result.stdout


def test_caracal_lists_the_installed_plugin(environment, tmp_path, plugin):
    """`caracal plugins` sees it by its metadata, enabled by AUTH_MODE."""
    result = run([environment / "caracal", "plugins", "--json"], tmp_path, **PLUGINS[plugin][1])
    assert result.returncode == 0, result.stderr
    first = json.loads(result.stdout)[0]
    assert (first["name"], first["version"], first["state"]) == (plugin, "1.0.0", "enabled")
    assert "authenticators" in first["hooks"]
