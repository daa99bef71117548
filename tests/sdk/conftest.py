from collections.abc import Iterator

import pytest

from otel_llmops.sdk import failures
from tests.sdk.recorder import Recorder, record


@pytest.fixture
def recorded() -> Iterator[Recorder]:
    """A recorder, and no fault of ours while the test runs."""
    before = failures()
    yield record()
    assert failures() == before
