"""What one process tells, as the other shows it."""

from collections.abc import Callable
from pathlib import Path

from otel_llmops.app.bulletin import Bulletin, News

FINE = News("fine 1\n", [])


class Clock:
    """Stands still until it is moved; s."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def telling(news: News) -> Callable[[], News]:
    return lambda: news


def boards(
    folder: Path, clock: Clock, *, receiver: News = FINE, engine: News = FINE
) -> tuple[Bulletin, Bulletin]:
    """Those of the receiver and of the engine; the receiver has posted."""
    one = Bulletin(folder, "receiver", telling(receiver), clock=clock)
    one.post()
    return one, Bulletin(folder, "engine", telling(engine), clock=clock)


def up(page: str) -> list[str]:
    return [line for line in page.splitlines() if line.startswith("otel_llmops_process_up")]


def test_a_page_holds_the_figures_of_both(tmp_path: Path) -> None:
    news = News("received 5\n", [])
    _, engine = boards(tmp_path / "board", Clock(), receiver=news, engine=News("stored 4\n", []))
    page = engine.page()
    assert page.endswith("received 5\nstored 4\n")
    assert up(page) == [
        'otel_llmops_process_up{process="engine"} 1',
        'otel_llmops_process_up{process="receiver"} 1',
    ]


def test_the_reasons_of_both_count(tmp_path: Path) -> None:
    receiver, engine = News("", ["the journal refuses"]), News("", ["it lags", "nothing is stored"])
    _, board = boards(tmp_path / "board", Clock(), receiver=receiver, engine=engine)
    assert board.reasons() == ["the journal refuses", "it lags", "nothing is stored"]


def test_who_has_not_posted_for_long_does_not_run_and_its_figures_are_not_shown(
    tmp_path: Path,
) -> None:
    clock = Clock()
    _, engine = boards(tmp_path / "board", clock, receiver=News("received 5\n", []))
    clock.now += 6.0
    assert engine.reasons() == ["the receiver does not run"]
    assert "received" not in engine.page().replace("receiver", "")


def test_a_post_of_before_the_machine_was_started_again_is_old(tmp_path: Path) -> None:
    clock = Clock()
    _, engine = boards(tmp_path / "board", clock)
    clock.now = 3.0
    assert engine.reasons() == ["the receiver does not run"]


def test_a_longer_post_and_a_shorter_one_after_it_are_each_seen_whole(tmp_path: Path) -> None:
    said = News("", [])
    receiver = Bulletin(tmp_path, "receiver", lambda: said, clock=Clock())
    engine = Bulletin(tmp_path, "engine", telling(FINE), clock=Clock())
    seen = []
    for text in ("long" * 100_000, "short"):
        said = News(text, [])
        receiver.post()
        seen.append(engine.page().endswith(f"{text}fine 1\n"))
    assert seen == [True, True]


def test_a_damaged_post_is_none(tmp_path: Path) -> None:
    _, engine = boards(tmp_path, Clock())
    file = tmp_path / "receiver.post"
    content = bytearray(file.read_bytes())
    content[12] ^= 1
    file.write_bytes(content)
    assert engine.reasons() == ["the receiver does not run"]


def test_a_post_has_its_room_from_the_start(tmp_path: Path) -> None:
    receiver, _ = boards(tmp_path, Clock())
    before = (tmp_path / "receiver.post").stat()
    receiver.post()
    after = (tmp_path / "receiver.post").stat()
    same = (after.st_ino, after.st_size, after.st_blocks)
    assert same == (before.st_ino, before.st_size, before.st_blocks)
