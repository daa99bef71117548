"""The SDK's tests need nothing but the SDK: they also run where no extra is installed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llmops.sdk import failures
from tests.sdk.recorder import Recorder, record

_HERE = Path(__file__).parent


@pytest.fixture
def recorded() -> Iterator[Recorder]:
    """A recorder, and no fault of ours while the test runs."""
    before = failures()
    yield record()
    assert failures() == before


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.no_extras)
