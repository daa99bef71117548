from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import BACKENDS, Backend, Destination


@pytest.hookimpl(tryfirst=True)  # before tests are left out by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect a test to fail on a backend that has a gap where the test has its trait."""
    for item in items:
        chosen = getattr(item, "callspec", None)
        backends = (
            [each for each in chosen.params.values() if isinstance(each, Backend)] if chosen else []
        )
        if any(each.is_long for each in backends):
            item.add_marker(pytest.mark.long)
        for mark in item.iter_markers("trait"):
            for why in (each.gaps[mark.args[0]] for each in backends if mark.args[0] in each.gaps):
                item.add_marker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=why))


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def backend(request: pytest.FixtureRequest) -> Backend:
    chosen: Backend = request.param
    return chosen


@pytest.fixture
def store(backend: Backend, tmp_path: Path) -> Iterator[Destination]:
    opened = backend.open(tmp_path / "store")
    yield opened
    opened.close()
