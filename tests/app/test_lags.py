"""What is said of consumers that are behind."""

from pathlib import Path

from otel_llmops.app.lags import Lags, lag_metrics, lag_reasons
from otel_llmops.app.places import CONSUMERS
from otel_llmops.journal import Journal, Lag
from otel_llmops.metrics import exposition


def test_who_is_behind_for_longer_than_the_bound_is_told() -> None:
    lags = {"store": Lag(1000, 61.0), "analysis": Lag(2000, 60.0)}
    assert lag_reasons(lags, 60) == ["the consumer store is 61 s behind, with 1000 bytes to go"]


def test_a_disk_that_does_not_say_is_a_reason() -> None:
    assert lag_reasons("the disk is gone", 60) == ["the disk is gone"]


def test_lags_are_figures_by_consumer() -> None:
    text = exposition(lag_metrics({"store": Lag(10, 1.23456), "analysis": Lag(0, 0.0)}))
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        'otel_llmops_consumer_lag_bytes{consumer="analysis"} 0',
        'otel_llmops_consumer_lag_bytes{consumer="store"} 10',
        'otel_llmops_consumer_lag_seconds{consumer="analysis"} 0.0',
        'otel_llmops_consumer_lag_seconds{consumer="store"} 1.235',
    ]


def test_both_consumers_of_a_journal_are_seen(tmp_path: Path) -> None:
    lags = Lags(tmp_path)
    with Journal.open(tmp_path, required_consumers=CONSUMERS) as journal:
        journal.append(b"x" * 52, signal=1, encoding=1)
        found = lags.look()
    assert not isinstance(found, str)
    assert {name: lag.nbytes for name, lag in found.items()} == {"store": 100, "analysis": 100}
