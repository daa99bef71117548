from importlib.metadata import version
from pathlib import Path

import pytest

from otel_llmops.cli.arguments import data_folder, parser

NAME = "otel-llmops"


def test_serve_has_the_defaults_of_otlp() -> None:
    assert vars(parser({"XDG_DATA_HOME": "/x"}).parse_args(["serve"])) == {
        "command": "serve",
        "data": "/x/otel-llmops",
        "store": None,
        "host": "127.0.0.1",
        "grpc_port": 4317,
        "http_port": 4318,
        "api_port": 8080,
        "durability": "fsync",
        "journal_bytes_max": 4 << 30,
        "request_bytes_max": 64 << 20,
        "memory_bytes_max": 1 << 30,
        "connections_max": 1024,
        "ready_lag_s_max": 60,
        "token_file": None,
        "tls_certificate": None,
        "tls_key": None,
        "tls_client_ca": None,
        "cors_origins": None,
        "telemetry_url": None,
        "redact": None,
        "redact_file": None,
        "forward": None,
        "forward_quota_bytes": 1 << 30,
        "export": None,
        "export_quota_bytes": 1 << 30,
        "insecure_bind": False,
        "jaeger_storage_port": None,
        "jaeger_url": None,
        "api_admin_token_file": None,
        "api_hosts": None,
        "api_tls": False,
        "api_token_file": None,
    }


def test_the_environment_gives_what_argv_does_not() -> None:
    environ = {"OTEL_LLMOPS_API_PORT": "9090", "OTEL_LLMOPS_DATA": "/d", "OTEL_LLMOPS_HOST": "::1"}
    given = parser(environ).parse_args(["serve", "--host", "127.0.0.2"])
    assert (given.api_port, given.data, given.host) == (9090, "/d", "127.0.0.2")


def test_a_variable_that_is_empty_is_not_set() -> None:
    assert parser({"OTEL_LLMOPS_API_PORT": ""}).parse_args(["serve"]).api_port == 8080


def test_data_lies_where_a_user_s_programs_keep_theirs() -> None:
    assert data_folder({}) == Path("~/.local/share/otel-llmops").expanduser()


def test_the_version_is_that_of_the_package_and_of_its_prices(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        parser({}).parse_args(["--version"])
    prices = f"prices of genai-prices {version('genai-prices')}"
    assert (caught.value.code, " ".join(capsys.readouterr().out.split())) == (
        0,
        f"otel-llmops {version(NAME)} ({prices})",
    )


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "otel-llmops: the following arguments are required: COMMAND"),
        (["serve", "--grpc-port", "x"], "otel-llmops serve: argument --grpc-port: invalid int"),
        (
            ["serve", "--durability", "y"],
            "otel-llmops serve: argument --durability: invalid choice",
        ),
        (["analyze"], "otel-llmops analyze: the following arguments are required: PATH"),
    ],
    ids=["nothing", "port", "durability", "path"],
)
def test_what_is_not_understood_is_one_line_and_exit_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parser({}).parse_args(argv)
    told = capsys.readouterr().err
    assert (caught.value.code, told.startswith(message), told.count("\n")) == (2, True, 1)
