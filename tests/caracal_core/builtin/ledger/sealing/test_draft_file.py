"""A file has its name once it is whole, and leaves nothing where it never got one."""

from __future__ import annotations

from hashlib import sha256

from caracal_core.builtin.ledger.sealing.draft_file import DraftFile


def test_it_gets_its_name_when_it_is_whole(tmp_path):
    draft = DraftFile(tmp_path)
    draft.file.write(b"content")
    draft.finish()
    assert draft.sha256 == sha256(b"content").hexdigest()
    assert draft.file.read() == b"content"
    (path,) = tmp_path.iterdir()
    assert path.suffix == ".partial"
    assert path.stat().st_mode & 0o777 == 0o600
    draft.publish("whole")
    draft.discard()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [
        ("whole", b"content")
    ]


def test_what_got_no_name_is_removed(tmp_path):
    DraftFile(tmp_path).discard()
    assert list(tmp_path.iterdir()) == []
