import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llmops.errors import ConfigError
from otel_llmops.store_url import StoreUrl, masked, store_url


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("chdb:///srv/store", StoreUrl("chdb", path="/srv/store")),
        (
            "s3://lakes/prod/llm/?region=eu-central-1&retention_days=9",
            StoreUrl(
                "s3",
                path="lakes/prod/llm",
                retention_days=9,
                options={"region": "eu-central-1"},
            ),
        ),
        (
            "gs://lakes/llm",
            StoreUrl(
                "gs", path="lakes/llm", options={"endpoint": "https://storage.googleapis.com"}
            ),
        ),
        ("chdb:///srv/a%20b", StoreUrl("chdb", path="/srv/a b")),
        (
            "chdb:///srv/store?retention_days=30",
            StoreUrl("chdb", path="/srv/store", retention_days=30),
        ),
        (
            "clickhouse://u:p%40ss@db/spans",
            StoreUrl(
                "clickhouse",
                host="db",
                port=8123,
                user="u",
                password="p@ss",  # noqa: S106 - nobody's
                database="spans",
            ),
        ),
        (
            "clickhouses://db?ca=/etc/ca.pem",
            StoreUrl(
                "clickhouse",
                host="db",
                port=8443,
                database="default",
                secure=True,
                ca="/etc/ca.pem",
            ),
        ),
        (
            "postgres://db:6543/x?sslmode=require&retention_days=7",
            StoreUrl(
                "postgresql",
                host="db",
                port=6543,
                database="x",
                retention_days=7,
                options={"sslmode": "require"},
            ),
        ),
        (
            "mariadb://[::1]/x?secure=Yes&verify=0&password_file=/run/secret",
            StoreUrl(
                "mysql",
                host="::1",
                port=3306,
                database="x",
                secure=True,
                verify=False,
                password_file="/run/secret",  # noqa: S106 - where one lies
            ),
        ),
    ],
    ids=["folder", "s3", "gs", "escaped", "retention", "clickhouse", "tls", "postgres", "mariadb"],
)
def test_a_url_says_where_the_store_is(url: str, place: StoreUrl) -> None:
    assert store_url(url) == place


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("parquet://srv/lake", "needs an absolute folder: parquet:///absolute/folder"),
        ("chdb://host/x", "needs an absolute folder: chdb:///absolute/folder"),
        ("postgresql:///x", "names no host: postgresql://user@host:5432/database"),
        ("mysql://host", "names no database: mysql://user@host:3306/database"),
        ("mysql://host/a/b", "names no database"),
        ("mysql://host/x#y", "is not written as mysql://"),
        ("mysql://host:0/x", "is not written as mysql://"),
        ("mysql://host:99999/x", "is not a URL: Port out of range"),
        ("chdb:///x?retention_days=0", "retention_days: '0' is not a number of days from 1"),
        ("chdb:///x?retention_days=٣", "is not a number of days"),
        ("mysql://host/x?secure=perhaps", "secure: 'perhaps' is neither 1 nor 0"),
        ("mysql://host/x?ca=", "ca: is empty"),
        ("mysql://host/x?ca=/etc/ca.pem", "ca: needs secure=1"),
        ("clickhouses://host?secure=0&verify=1", "verify: needs secure=1"),
        ("s3://bucket", "needs a bucket and a prefix"),
        ("s3:///prefix", "needs a bucket and a prefix"),
        ("s3://bucket/a*b", "needs a bucket and a prefix"),
        ("s3://bucket/a/../b", "needs a bucket and a prefix"),
        ("s3://id:key@bucket/a", "credentials are those of AWS_ACCESS_KEY_ID, not of a URL"),
        ("s3://bucket/a?endpoint=minio:9000", "is not http://host:port or https://host:port"),
        ("s3://bucket/a?ca=/etc/ca.pem", "there is no option 'ca'"),
        ("chdb:///x?secure=1", "there is no option 'secure'; there is retention_days"),
    ],
)
def test_a_url_that_is_wrong_says_how(url: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        store_url(url)
    assert problem in caught.value.message


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:secret@h/x?y=1", "postgresql://u:***@h/x?y=1"),
        ("postgresql://u@h/x", "postgresql://u@h/x"),
        ("postgresql://u:se@cret@h/x", "postgresql://:***@h/x"),
        ("chdb:///srv/store", "chdb:///srv/store"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked(url) == shown


@given(
    scheme=st.sampled_from(
        ["oracle", "mysql", "postgresql", "clickhouse", "chdb", "parquet", "s3"]
    ),
    password=st.text("secret:/?#[]!$&'", min_size=12),
    rest=st.sampled_from(["db/x", "db:0/x", "db:99999/x", "db", "db/x?y=1", "db/a/b", "/x"]),
)
def test_a_password_in_a_refused_url_is_not_repeated(scheme: str, password: str, rest: str) -> None:
    said = ""
    try:
        store_url(f"{scheme}://scott:{password}@{rest}")
    except ConfigError as error:
        said = str(error)
    assert password not in said


def test_what_stands_for_a_store_does_not_show_its_password() -> None:
    assert "tiger" not in repr(store_url("mysql://scott:tiger@db/x"))
