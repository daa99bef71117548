"""What all tests share: hypothesis profiles, and services that CI promised."""

import os

import pytest
from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=_SLOW)
settings.register_profile(
    "ci", max_examples=300, deadline=None, derandomize=True, suppress_health_check=_SLOW
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --require-backends: a database that is missing is a failure, not a skip."""
    parser.addoption(
        "--require-backends",
        action="store_true",
        default=os.environ.get("LLMOPS_REQUIRE_BACKENDS") == "1",
        help="fail, do not skip, where a real database cannot be started",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # a pytest hook generator
    """Turn the skip of a test that needs a database into a failure, where they were promised."""
    report = yield
    if (
        report.skipped
        and item.get_closest_marker("backend") is not None
        and item.config.getoption("--require-backends")
    ):
        report.outcome = "failed"
    return report
