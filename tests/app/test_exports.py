"""What exports are told beside what is received."""

from pathlib import Path

from otel_llmops.app.exports import owe
from otel_llmops.app.places import Places
from otel_llmops.engine.intent import Owed, OwedDeletions
from otel_llmops.journal import Disk, Position


def test_one_that_does_not_run_finds_what_it_has_to_delete(tmp_path: Path) -> None:
    folder = tmp_path / "export-0123456789ab"
    folder.mkdir()
    owed = Owed(("a name\n", "\N{DUCK}"), Position(1, 42))
    owe(Places(tmp_path), owed)
    owe(Places(tmp_path), Owed(("later",), Position(2, 0)))
    assert OwedDeletions(folder, Disk()).due(Position(1, 42)) == [owed]
    assert OwedDeletions(folder, Disk()).due(Position(1, 41)) == []
    assert OwedDeletions(folder, Disk()).next_place() == Position(1, 42)
