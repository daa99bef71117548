"""PostgreSQL and MariaDB over TLS: whom we speak to, and what is said where that is not clear."""

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from otel_llmops.app.stores import open_store
from otel_llmops.errors import ConfigError
from otel_llmops.exporters.mysql import Mysql
from tests.support import mysql_server, postgres_server
from tests.support.certificates import Certificates, certificates
from tests.support.servers import Server, or_skip, own_folder
from tests.support.sql import rows
from tests.support.tables import spans

TRACE = "a" * 32


@dataclass(frozen=True)
class Database:
    """`url` without TLS; `other` is an authority that did not sign the server's certificate."""

    url: str
    authority: Path
    other: Path

    def over_tls(self, *options: str) -> str:
        return f"{self.url}?{'&'.join(['secure=1', *options])}"


def _readable(made: Certificates) -> None:
    """The server is another user, and takes its key from nobody else."""
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(made.server_key, nobody.pw_uid, nobody.pw_gid)
    made.server_key.chmod(0o600)


def _postgres(made: Certificates) -> Server:
    files = (f"ssl_cert_file={made.server}", f"ssl_key_file={made.server_key}")
    return postgres_server.make_server("ssl=on", *files)


def _mysql(made: Certificates) -> Server:
    files = (f"--ssl-cert={made.server}", f"--ssl-key={made.server_key}")
    return mysql_server.make_server(*files)


@pytest.fixture(scope="module", params=["postgresql", "mysql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    folder = own_folder("tls")
    made = certificates(folder)
    _readable(made)
    start: Callable[[Certificates], Server] = {"postgresql": _postgres, "mysql": _mysql}[
        request.param
    ]
    server = or_skip(lambda: start(made))
    url_of = {"postgresql": postgres_server.url_of, "mysql": mysql_server.url_of}[request.param]
    yield Database(url_of(server, folder), made.authority, folder / "other.pem")
    server.kill()


def works(url: str) -> None:
    with closing(open_store(url)) as store:
        store.export_spans(spans({"trace_id": TRACE}), batch_id="0-0..0-9")
        assert store.wire_spans([TRACE]).num_rows == 1


def test_a_server_whose_authority_is_known(database: Database) -> None:
    works(database.over_tls(f"ca={database.authority}"))


def test_a_certificate_that_nobody_checks(database: Database) -> None:
    works(database.over_tls("verify=0"))


@pytest.mark.parametrize("has_other", [True, False], ids=["another authority", "the system's"])
def test_a_server_whom_no_known_authority_vouches_for(database: Database, has_other: bool) -> None:
    options = [f"ca={database.other}"] if has_other else []
    with pytest.raises(ConfigError, match="certificate verify failed"):
        open_store(database.over_tls(*options))


def test_a_name_that_is_not_the_certificate_s(database: Database) -> None:
    elsewhere = database.over_tls(f"ca={database.authority}").replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - a name of this machine
    with pytest.raises(ConfigError, match="IP address mismatch"):
        open_store(elsewhere)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read(
    database: Database, content: str | None, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"
    if content is not None:
        authority.write_text(content)
    with pytest.raises(ConfigError, match=f"ca: {authority} cannot be read"):
        open_store(database.over_tls(f"ca={authority}"))


def test_the_connection_is_encrypted(database: Database) -> None:
    with closing(open_store(database.over_tls(f"ca={database.authority}"))) as store:
        if isinstance(store, Mysql):
            with store._writers.connect() as connection:
                said = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Ssl_version'").all()
            assert said[0][1].startswith("TLS")
        else:
            ours = "FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
            named = "WHERE application_name = 'otel-llmops'"
            assert rows(database.url, f"SELECT DISTINCT ssl {ours} {named}") == [(True,)]
