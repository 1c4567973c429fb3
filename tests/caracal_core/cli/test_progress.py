"""A long command says now and then how far it is, a short one says nothing."""

from caracal_core.cli.progress import Progress


def test_a_line_is_written_each_time_that_so_many_more_are_done(capsys):
    tell = Progress("verified", every=10)
    for done in (3, 9, 12, 15, 31, 32, 41):
        tell(done)
    told = capsys.readouterr()
    lines = [f"{done} entries verified ..." for done in (12, 31, 41)]
    assert (told.out, told.err.splitlines()) == ("", lines)
