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
    """Add --require-backends: whatever a test lacks is a failure, not a skip."""
    parser.addoption(
        "--require-backends",
        action="store_true",
        default=os.environ.get("LLMOPS_REQUIRE_BACKENDS") == "1",
        help="fail, do not skip, where a database, a program or a right is missing",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]  # a pytest hook generator
    """Turn each skip into a failure, where all that tests need was promised."""
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and item.config.getoption("--require-backends")
    ):
        report.outcome = "failed"
    return report
