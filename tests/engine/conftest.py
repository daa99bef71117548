from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Collector, collector


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Collector]:
    """Journal, engine and store, with nothing in them."""
    with collector(tmp_path / "data") as opened:
        yield opened
