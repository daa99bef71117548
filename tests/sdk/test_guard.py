import logging

import pytest

from otel_llmops.sdk.guard import Guard, failed, failures


def test_a_fault_is_counted_each_time_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "otel_llmops"):
        for _ in range(3):
            with Guard("a test of counting"):
                raise ValueError("ours")
    logged = [record for record in caplog.records if "a test of counting" in record.getMessage()]
    assert (failures()["a test of counting"], len(logged)) == (3, 1)


def test_what_is_not_a_fault_passes() -> None:
    with pytest.raises(KeyboardInterrupt), Guard("a test of passing"):
        raise KeyboardInterrupt


def test_the_answer_is_a_copy() -> None:
    failed("a test of copying", ValueError())
    failures().clear()
    assert failures()["a test of copying"] == 1
