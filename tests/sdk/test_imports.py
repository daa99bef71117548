import subprocess
import sys

import pytest

import otel_llmops

HEAVY = ("pyarrow", "numpy", "grpc", "google", "starlette", "strawberry", "sqlalchemy", "orjson")


def _modules_after(statement: str) -> set[str]:
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return {name.partition(".")[0] for name in run.stdout.split()}


def test_the_sdk_brings_in_nothing_of_the_collector() -> None:
    assert _modules_after("import otel_llmops.sdk").intersection(HEAVY) == set()


def test_the_face_alone_brings_in_not_even_opentelemetry() -> None:
    assert "opentelemetry" not in _modules_after("import otel_llmops")


@pytest.mark.parametrize("name", otel_llmops.__all__)
def test_every_name_of_the_face_is_there(name: str) -> None:
    assert getattr(otel_llmops, name).__name__ == name if name != "__version__" else True


def test_the_face_lists_its_names() -> None:
    assert set(otel_llmops.__all__) <= set(dir(otel_llmops))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = otel_llmops.nothing
