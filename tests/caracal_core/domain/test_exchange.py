"""The finished story never changes, and has no place for a secret."""

from caracal_core.domain import Exchange

STORY = Exchange("id", 0.0, 0.1, "127.0.0.1", "GET", "/")


def test_a_story_never_changes(frozen):
    frozen(STORY)


def test_what_was_never_reached_is_none():
    assert all(value is None for value in [STORY.route, STORY.agent, STORY.charge, STORY.status])


def test_there_is_no_place_for_credentials_headers_bodies_or_queries():
    assert not {"headers", "body", "query", "credential", "nonce"} & set(STORY.__struct_fields__)
