from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import BACKENDS, Backend, Destination


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    return chosen


@pytest.fixture
def store(backend: Backend, tmp_path: Path) -> Iterator[Destination]:
    opened = backend.open(tmp_path / "store")
    yield opened
    opened.close()
