"""``caracal serve`` takes its options together or not at all, and says what it does not use."""

import json

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data-dir", "there"], "--data-dir goes with --demo"),
        (["--demo", "--config", "caracal.yaml"], "--demo writes its own configuration"),
    ],
)
def test_options_that_do_not_go_together_are_refused(caracal, tmp_path, arguments, said):
    done = caracal("serve", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_logs_at_the_configured_level_what_it_was_given_and_does_not_use(caracal, tmp_path):
    """The start fails afterwards, at the key that is missing."""
    (tmp_path / "caracal.yaml").write_text("auth_jwt: {public_key_path: nowhere.pem}")
    environment = {"MCP_SERVER_TIMEOUT": "3", "LOG_LEVEL": "info"}
    done = caracal("serve", "--config", "caracal.yaml", environment=environment)
    assert done.returncode == 2
    records = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [r["level"] for r in records if "MCP_SERVER_TIMEOUT" in r["message"]] == ["INFO"]
    quiet = caracal("serve", "--config", "caracal.yaml", environment={"LOG_LEVEL": "ERROR"})
    assert not [line for line in quiet.stderr.splitlines() if line.startswith("{")]
