import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.sdk.hosts import (
    AllowedHosts,
    Destination,
    destination_of_call,
    destination_of_url,
    host_pattern,
)

URL = "https://agents.internal/a2a"


def _allows(pattern: str, url: str) -> bool:
    allowed = AllowedHosts()
    assert allowed.add([pattern]) == []
    return destination_of_url(url) in allowed


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("agents.internal", "https://agents.internal/a2a"),
        ("agents.internal", "http://Agents.Internal.:8080/a2a"),
        ("agents.internal:443", "https://agents.internal/a2a"),
        ("agents.internal:80", "http://user:secret@agents.internal"),
        ("*.svc.cluster.local", "http://billing.svc.cluster.local:8080/"),
        ("*.svc.cluster.local", "http://billing.ns.svc.cluster.local/"),
        ("*.internal:8443", "https://a.internal:8443/"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("127.0.0.1", "http://127.0.0.1:9/"),
    ],
)
def test_a_listed_host_is_allowed(pattern: str, url: str) -> None:
    assert _allows(pattern, url)


@pytest.mark.parametrize(
    ("pattern", "url"),
    [
        ("agents.internal", "https://api.openai.com/v1"),
        ("agents.internal", "https://agents.internal.evil.com/"),
        ("agents.internal", "https://evilagents.internal/"),
        ("agents.internal", "https://agents.internal@evil.com/"),
        ("agents.internal", "https://evil.com#@agents.internal/"),
        ("agents.internal", "https://evil.com\\@agents.internal/"),
        ("agents.internal", "https://evil.com\t@agents.internal/"),
        ("agents.internal:443", "https://agents.internal:8443/"),
        ("agents.internal:443", "ftp://agents.internal/"),
        ("*.internal", "https://internal/"),
        ("*.internal", "https://evilinternal/"),
        ("*.internal", "https://a.internal.evil.com/"),
        ("agents.internal", "agents.internal"),
        ("agents.internal", "http://[agents.internal"),
        ("agents.internal", "http://agents.internal:port/"),
    ],
)
def test_any_other_host_is_not(pattern: str, url: str) -> None:
    assert not _allows(pattern, url)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "*.*",
        "*.",
        "*..",
        ".",
        "a.*",
        "",
        "https://agents.internal",
        "a/b",
        "a b",
        "a:0",
        "a:65536",
        "a:b",
        "u@a",
        "::1",
    ],
)
def test_what_names_no_host_is_no_pattern(text: str) -> None:
    assert host_pattern(text) is None


@pytest.mark.parametrize(
    ("attributes", "destination"),
    [
        ({"url.full": URL}, Destination("agents.internal", 443)),
        ({"http.url": "http://agents.internal:81/"}, Destination("agents.internal", 81)),
        ({"server.address": "agents.internal"}, Destination("agents.internal", None)),
        (
            {"server.address": "Agents.internal", "server.port": 9},
            Destination("agents.internal", 9),
        ),
        ({"net.peer.name": "::1", "net.peer.port": 9}, Destination("::1", 9)),
        (
            {"url.full": URL, "server.address": "agents.internal"},
            Destination("agents.internal", 443),
        ),
    ],
)
def test_a_calls_span_says_where_it_goes(
    attributes: dict[str, object], destination: Destination
) -> None:
    assert destination_of_call(attributes) == destination


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"http.host": "agents.internal"},
        {"url.full": 7},
        {"url.full": "http://["},
        {"url.full": URL, "server.address": "api.openai.com"},
        {"url.full": URL, "http.url": "https://agents.internal:8443/"},
        {"url.full": "/a2a", "server.address": "agents.internal"},
        {"server.address": "agents.internal", "net.peer.name": "proxy"},
    ],
)
def test_a_call_whose_span_leaves_a_doubt_goes_nowhere(attributes: dict[str, object]) -> None:
    assert destination_of_call(attributes) is None


def test_nowhere_is_on_no_list() -> None:
    allowed = AllowedHosts()
    allowed.add(["a"])
    assert None not in allowed


@given(st.text(max_size=40))
def test_no_text_breaks_the_reading_of_hosts(text: str) -> None:
    for url in (text, f"http://{text}/"):
        found = destination_of_url(url)
        assert found is None or found.host
    allowed = AllowedHosts()
    assert allowed.add([text]) in ([], [text])
