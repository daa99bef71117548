from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.receiving import Running, running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("shared") / "journal") as found:
        yield found


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path / "journal") as found:
        yield found
