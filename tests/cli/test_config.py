from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.config import ServeConfig, serve_config
from otel_llmops.errors import ConfigError

PORTS = st.integers(0, 65_535)


def test_a_folder_alone_is_a_configuration() -> None:
    assert serve_config({"data": "/srv/llmops"}) == ServeConfig(
        data=Path("/srv/llmops"),
        store="chdb:///srv/llmops/store",
        host="127.0.0.1",
        grpc_port=4317,
        http_port=4318,
        api_port=8080,
        durability="fsync",
        journal_bytes_max=4 << 30,
        jaeger_url="",
    )


def test_none_means_the_default() -> None:
    assert serve_config({"data": "/d", "store": None, "api_port": None}) == serve_config(
        {"data": "/d"}
    )


def test_a_relative_folder_is_made_absolute() -> None:
    assert serve_config({"data": "here"}).data == Path.cwd() / "here"


@given(st.permutations(range(1, 60_000, 7_000)), st.sampled_from(["fsync", "os", "none"]))
def test_a_configuration_survives_the_way_to_a_child(ports: list[int], durability: str) -> None:
    config = serve_config(
        {
            "data": "/d e",
            "grpc_port": ports[0],
            "http_port": ports[1],
            "api_port": ports[2],
            "durability": durability,
        }
    )
    assert serve_config(config.as_mapping()) == config


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        serve_config(
            {"grpc_port": 70_000, "api_port": True, "durability": "maybe", "colour": "red"}
        )
    assert caught.value.message.split("; ") == [
        "colour: there is no such setting",
        "grpc_port: 70000 is not a port (0 to 65535)",
        "api_port: True is not a port (0 to 65535)",
        "durability: 'maybe' is not one of: fsync, os, none",
        "data: a folder is needed",
    ]


def test_two_servers_cannot_share_a_port() -> None:
    with pytest.raises(ConfigError, match="each needs a port of its own, not 4317, 4318, 4318"):
        serve_config({"data": "/d", "api_port": 4318})


def test_any_number_of_ports_may_be_chosen_freely() -> None:
    config = serve_config({"data": "/d", "grpc_port": 0, "http_port": 0, "api_port": 0})
    assert (config.grpc_port, config.http_port, config.api_port) == (0, 0, 0)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store",
        "chdb:",
        "chdb://",
        "chdb:///",
        "chdb://host/path",
        "http://[::1",
    ],
)
def test_a_bad_store_url_says_how_one_is_written(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^store: .*(chdb:///absolute/folder|is not a URL|text)"):
        serve_config({"data": "/d", "store": url})


@given(
    st.dictionaries(st.sampled_from(sorted(ServeConfig.__dataclass_fields__)), st.from_type(object))
)
def test_whatever_is_given_only_a_config_error_leaves(values: dict[str, Any]) -> None:
    try:
        serve_config({"data": "/d"} | values)
    except ConfigError:
        return


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_s_own_addresses_need_no_guard(host: str) -> None:
    config = serve_config({"data": "/d", "host": host})
    assert (config.host, config.api_host) == (host, host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "collector.example"])  # noqa: S104 - that it is refused
def test_an_open_door_that_nobody_guards_is_refused(host: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve_config({"data": "/d", "host": host})
    assert caught.value.message == f"host: everybody who reaches {host} could send"
    assert "--token-file" in caught.value.hint
    assert "--insecure-bind" in caught.value.hint


@pytest.mark.parametrize(
    "guard",
    [
        {"token_file": "/etc/tokens"},
        {"tls_certificate": "/c.pem", "tls_key": "/k.pem", "tls_client_ca": "/ca.pem"},
    ],
    ids=["tokens", "client certificates"],
)
def test_a_guarded_door_is_opened_and_the_api_stays_at_home(guard: dict[str, str]) -> None:
    config = serve_config({"data": "/d", "host": "192.0.2.1"} | guard)
    assert (config.host, config.api_host) == ("192.0.2.1", "127.0.0.1")


def test_a_certificate_of_ours_guards_nothing() -> None:
    given = {"data": "/d", "host": "192.0.2.1", "tls_certificate": "/c.pem", "tls_key": "/k.pem"}
    with pytest.raises(ConfigError, match="everybody who reaches"):
        serve_config(given)


def test_an_operator_may_say_that_the_network_is_closed() -> None:
    config = serve_config({"data": "/d", "host": "192.0.2.1", "insecure_bind": True})
    assert (config.host, config.api_host) == ("192.0.2.1", "192.0.2.1")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"tls_certificate": "/c"}, "tls_certificate, tls_key: one needs the other"),
        ({"tls_key": "/k"}, "tls_certificate, tls_key: one needs the other"),
        ({"tls_client_ca": "/a"}, "tls_client_ca: needs tls_certificate and tls_key"),
        ({"memory_bytes_max": 1}, "memory_bytes_max: 1 is not a number from 16777216"),
        ({"insecure_bind": "no"}, "insecure_bind: 'no' is neither true nor false"),
        (
            {"cors_origins": "https://a.example,b"},
            "cors_origins: 'b' is not an http:// or https:// URL",
        ),
    ],
)
def test_what_guards_the_door_must_be_whole(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        serve_config({"data": "/d"} | given)
    assert caught.value.message == problem


def test_files_are_named_wherever_a_child_runs() -> None:
    assert serve_config({"data": "/d", "token_file": "tokens"}).token_file == str(
        Path.cwd() / "tokens"
    )


def test_one_of_all_stores_may_be_embedded() -> None:
    server, lake = "postgresql://me@there/llm", "parquet:///lake"
    assert serve_config({"data": "d", "export": [server, server]}).export == (server,)
    assert serve_config({"data": "d", "store": server, "export": [lake, lake]}).export == (lake,)
    for wrong in ({"export": [lake]}, {"store": server, "export": [lake, "s3://lakes/llm"]}):
        with pytest.raises(ConfigError, match="embedded"):
            serve_config({"data": "d", **wrong})
