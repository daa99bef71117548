from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.config import ServeConfig, StoreUrl, serve_config, store_url
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
    ("url", "path"),
    [("chdb:///srv/store", "/srv/store"), ("chdb:///srv/a%20b", "/srv/a b")],
    ids=["plain", "escaped"],
)
def test_an_embedded_store_is_a_folder(url: str, path: str) -> None:
    assert store_url(url) == StoreUrl(scheme="chdb", path=path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "store",
        "chdb:",
        "chdb://",
        "chdb:///",
        "chdb://host/path",
        "chdb:///x?y=1",
        "http://[::1",
    ],
)
def test_a_bad_store_url_says_how_one_is_written(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^store: .*(chdb:///absolute/folder|is not a URL|text)"):
        serve_config({"data": "/d", "store": url})


@pytest.mark.parametrize("scheme", ["clickhouse", "postgresql", "mysql", "parquet"])
def test_a_store_to_come_is_named_as_such(scheme: str) -> None:
    with pytest.raises(ConfigError, match=f"{scheme}:// is not built yet"):
        store_url(f"{scheme}://host/database")


def test_a_password_in_a_refused_url_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        store_url("oracle://scott:tiger@db/x")
    assert "tiger" not in str(caught.value)


@given(
    st.dictionaries(st.sampled_from(sorted(ServeConfig.__dataclass_fields__)), st.from_type(object))
)
def test_whatever_is_given_only_a_config_error_leaves(values: dict[str, Any]) -> None:
    try:
        serve_config({"data": "/d"} | values)
    except ConfigError:
        return
