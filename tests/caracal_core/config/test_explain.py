"""What pydantic finds is told as key, place, what is allowed and mend, and never a secret."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import SecretStr, ValidationError, field_validator, model_validator

from caracal_core.config.document import parse_document
from caracal_core.config.explain import explain
from caracal_core.config.keys import keys_of
from caracal_core.config.merge import merge
from caracal_core.plugin import Config, setting


class Source(Config):
    secret_file: str | None = setting(None, description="A file.")


class Upstream(Config):
    url: str = setting(description="Where it listens.")
    port: int = setting(80, env="PORT", description="Its port.", ge=1)
    headers: dict[str, SecretStr | Source] = setting({}, description="Its own headers.")
    method: Literal["GET", "POST"] = setting("GET", description="How.")
    key: SecretStr = setting(SecretStr(""), description="Its key.")

    @field_validator("key")
    @classmethod
    def _judge(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value() == "hunter2":
            raise ValueError(f"{key.get_secret_value()} is a bad key")
        return key

    @model_validator(mode="after")
    def _whole(self) -> Upstream:
        if self.port == 443:
            raise ValueError("this port wants a certificate")
        return self


class Model(Config):
    up: dict[str, Upstream] = setting({}, description="Upstreams.")
    only: Upstream | None = setting(None, description="The only one.")


@pytest.fixture
def problems(say):
    def problems(yaml, prefix=(), **sources):
        document = parse_document(yaml.encode(), "caracal.yaml")
        found = merge(say(yaml, **sources), document, keys_of(Model, prefix))
        raw = found.tree
        for step in prefix:
            raw = raw[step]
        with pytest.raises(ValidationError) as caught:
            Model.model_validate(raw)
        return [str(problem) for problem in explain(caught.value, Model, prefix, found)]

    return problems


def test_a_bad_value_is_shown_with_its_place_what_is_allowed_and_what_it_means(problems):
    assert problems("up:\n  a:\n    url: x\n    port: 0\n") == [
        (
            "up.a.port (caracal.yaml line 4): 0 should be greater than or equal to 1. "
            "Correct it: Its port (default 80)."
        )
    ]


def test_a_value_of_the_environment_names_its_variable(problems):
    (problem,) = problems("only: {url: x}", environment={"PORT": "many"})
    assert problem.startswith("only.port (environment PORT): 'many' should be a valid integer")


def test_a_missing_key_is_named_with_the_nearest_place(problems):
    assert problems("up: {a: {}}") == [
        "up.a.url (caracal.yaml line 1): is missing. Add it: Where it listens."
    ]


def test_an_unknown_key_names_the_nearest_beside_it(problems):
    assert problems("up: {a: {url: x, prot: 3}}") == [
        "up.a.prot (caracal.yaml line 1): no such key. Did you mean port?"
    ]


def test_keys_of_a_section_are_named_from_the_root(problems):
    (problem,) = problems("acme:\n  up: []\n", ("acme",))
    assert problem.startswith("acme.up (caracal.yaml line 2): should be a mapping of keys")


def test_the_allowed_words_are_listed(problems):
    (problem,) = problems("up: {a: {url: x, method: PUT}}")
    assert "'PUT' should be 'GET' or 'POST'" in problem


def test_a_number_in_place_of_text_asks_for_quotes(problems):
    (problem,) = problems("up: {a: {url: 0.5}}")
    assert "0.5 should be text, in quotes" in problem


def test_alternatives_are_told_in_one_problem(problems):
    """A value that fits no branch of a union is one fault, not one for each branch."""
    (problem,) = problems("up: {a: {url: x, headers: {X-A: 5}}}")
    assert problem.startswith("up.a.headers.X-A (caracal.yaml line 1): should be text")
    assert " or should be a mapping" in problem


def test_a_branch_that_was_not_meant_is_not_told(problems):
    (problem,) = problems("up: {a: {url: x, headers: {X-A: {secret_fil: x}}}}")
    assert problem.startswith("up.a.headers.X-A.secret_fil (caracal.yaml line 1): no such key.")
    assert problem.endswith("Did you mean secret_file?")


def test_a_rule_over_several_keys_is_told_in_its_own_words(problems):
    (problem,) = problems("up: {a: {url: x, port: 443}}")
    assert problem.startswith("up.a (caracal.yaml line 1): this port wants a certificate.")


def test_several_problems_are_all_told(problems):
    assert len(problems("up: {a: {prot: 1, method: PUT}, b: {}}")) == 4


@pytest.mark.parametrize(
    "yaml",
    [
        "up: {a: {url: x, key: hunter2}}",
        "up: {a: {url: x, key: [hunter2]}}",
        "up: {a: {url: x, headers: {X-A: [hunter2]}}}",
        "up: {a: {url: x, headers: {X-A: {secret_file: [hunter2]}}}}",
        "up: {a: {url: [https://user:hunter2@x]}}",
        "up: {a: {url: x, method: https://user:hunter2@x}}",
        "up: {a: {url: x, password: hunter2}}",
    ],
)
def test_no_secret_is_repeated(problems, yaml):
    """Neither the value, nor what an author's validator says of it."""
    assert "hunter2" not in "".join(problems(yaml))


def test_a_long_value_is_not_repeated(problems):
    (problem,) = problems(f"up: {{a: {{url: x, method: {'x' * 99}}}}}")
    assert "xxx" not in problem
