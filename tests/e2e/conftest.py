from collections.abc import Iterator

import pytest

from tests.support.serving import Serving, serving


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One `serve` for the tests that only add to it."""
    with serving(tmp_path_factory.mktemp("served") / "data") as running:
        yield running
