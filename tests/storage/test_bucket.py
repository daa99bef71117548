"""A lake in an object store: written whole or not at all, by one process, over S3's protocol."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path, PurePath

import pytest
import sqlalchemy as sa

from otel_llmops.app.lakes import shelf_at
from otel_llmops.app.stores import open_store, schema_statements
from otel_llmops.cli import main
from otel_llmops.engine.capture import captured
from otel_llmops.errors import ConfigError, RetryableExport
from otel_llmops.exporters.parquet import Parquet
from otel_llmops.exporters.parquet_bucket import WRITER_FILE, Bucket
from otel_llmops.storage.tables import TABLES
from otel_llmops.store_url import store_url
from tests.support.bucket_server import ACCOUNT, bucket_url
from tests.support.bucket_writing import TRACE, write
from tests.support.ports import free_port
from tests.support.servers import or_skip

SCENARIO = Path("tests/traces/openai-agents--openinference/linear_transfer")


class FaultyBucket(Bucket):
    """A bucket that refuses to put what `fails` says, after it was put or before."""

    fails: Callable[[PurePath], bool] = staticmethod(lambda path: False)
    puts_first = False

    def _put(self, path: PurePath, content: memoryview) -> None:
        if self.puts_first or not self.fails(path):
            super()._put(path, content)
        if self.fails(path):
            raise OSError("injected")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(or_skip(lambda: bucket_url(tmp_path)))


@pytest.fixture
def bucket(url: str) -> FaultyBucket:
    return FaultyBucket(store_url(url))


@pytest.fixture
def lake(bucket: FaultyBucket) -> Iterator[Parquet]:
    with closing(Parquet(bucket, compacts=False)) as opened:
        yield opened


def files(url: str) -> list[str]:
    """All objects, as another process sees them."""
    shelf = Bucket(store_url(url))
    every = [folder / name for folder, names in shelf._listed().items() for name in names]
    return sorted(str(path.relative_to(shelf.root)) for path in every)


def found(store: Parquet) -> tuple[int, list[int]]:
    """Spans, and the tokens of the operations of the one session."""
    column = TABLES["agent_operations"].c.input_tokens
    rows = asyncio.run(store.fetch(sa.select(column)))
    return store.wire_spans([TRACE]).num_rows, sorted(row["input_tokens"] for row in rows)


def test_what_was_written_is_read_and_twice_is_once(lake: Parquet, url: str) -> None:
    write(lake, 1)
    before = files(url)
    assert found(lake) == (2, [0, 1])
    write(lake, 1)
    assert found(lake) == (2, [0, 1])
    spans = [name for name in before if name.startswith("spans")]
    assert spans == [f"spans/day=2026-01-0{day}/1-0..1-9.parquet" for day in (1, 2)]
    assert [name for name in files(url) if name.startswith("spans")] == spans


def test_small_files_become_one_and_are_still_known(lake: Parquet, url: str) -> None:
    for number in range(8):
        write(lake, number)
    before = found(lake)
    assert lake.compact() > 0
    assert [n for n in files(url) if n.startswith("spans/day=2026-01-01")] == [
        "spans/day=2026-01-01/0-0..0-9+7-0..7-9.parquet"
    ]
    write(lake, 7)
    assert found(lake) == before == (16, list(range(8)))


def test_a_session_is_deleted_for_good(lake: Parquet) -> None:
    write(lake, 3)
    gone = lake.delete_sessions(["s"], [TRACE])
    assert (gone["spans"], gone["agent_operations"]) == (2, 4)
    assert found(lake) == (0, [])
    write(lake, 3)  # the batch comes again, and is known
    assert found(lake) == (0, [0, 1, 2, 3])


@pytest.mark.parametrize("puts_first", [False, True], ids=["before", "after"])
def test_an_analysis_that_was_not_put_whole_never_happened(
    lake: Parquet, bucket: FaultyBucket, puts_first: bool
) -> None:
    write(lake, 1)
    bucket.fails, bucket.puts_first = lambda path: "agents" in path.parts, puts_first
    with pytest.raises(RetryableExport, match="injected"):
        write(lake, 2)
    assert found(lake) == (4, [0, 1])
    bucket.fails = lambda path: False
    write(lake, 2)
    assert found(lake) == (4, [0, 1, 2])


def test_a_merge_whose_answer_was_lost_is_ended_later(lake: Parquet, bucket: FaultyBucket) -> None:
    for number in range(8):
        write(lake, number)
    bucket.fails, bucket.puts_first = lambda path: "+" in path.stem, True
    with pytest.raises(RetryableExport, match="injected"):
        lake.compact()
    bucket.fails = lambda path: False
    lake.compact()
    assert found(lake) == (16, list(range(8)))


def test_what_was_acknowledged_before_a_kill_is_there_once(url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.bucket_writing", url], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(9)]  # it merges meanwhile
        child.kill()
    with closing(Parquet(shelf_at(store_url(url)), compacts=False)) as lake:
        spans, tokens = found(lake)
        assert spans >= 2 * len(told)
        assert len(tokens) > told[-1]
        for number in range(spans // 2 + 1):
            write(lake, number)
        lake.compact()
        assert found(lake) == (2 * (spans // 2 + 1), list(range(spans // 2 + 1)))


def test_the_last_to_begin_has_the_lake(lake: Parquet, url: str) -> None:
    write(lake, 1)
    other = Bucket(store_url(url))
    assert other.content(other.root / WRITER_FILE)  # to read it takes nothing from anybody
    write(lake, 2)
    other.replace(other.root / "note", b"mine")
    with pytest.raises(RetryableExport, match=r"another process writes to .*/lake"):
        write(lake, 3)
    assert found(lake) == (4, [0, 1, 2])


def test_to_read_takes_the_lake_from_nobody(url: str) -> None:
    writer = Bucket(store_url(url))
    writer.replace(writer.root / "note", b"mine")
    with closing(open_store(f"{url}&retention_days=1")) as reader:
        assert reader.trace_ids(["s"]) == []
    writer.replace(writer.root / "note", b"still mine")


def test_what_is_too_old_goes(bucket: FaultyBucket, url: str) -> None:
    with closing(Parquet(bucket, compacts=False)) as lake:
        write(lake, 1)
        lake._drop(date(2026, 1, 2))
    assert [n for n in files(url) if n.startswith(("spans", "agents"))] == [
        "spans/day=2026-01-02/1-0..1-9.parquet"
    ]


def test_analyze_reads_it(lake: Parquet, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    lake.export_spans(captured([SCENARIO]), batch_id="1-0..1-9")
    for path in (str(SCENARIO), url):
        assert main(["analyze", "--json", path]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]


def test_its_views_name_no_credentials(url: str) -> None:
    views = "\n".join(schema_statements(url))
    assert "s3('http://127.0.0.1" in views
    assert not any(secret in views for secret in ACCOUNT.values())


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("s3://nobody-has-this/lake?endpoint={}", "there is no bucket nobody-has-this at http"),
        ("gs://nobody-has-this/lake?endpoint={}", "there is no bucket nobody-has-this at http"),
    ],
)
def test_a_bucket_that_is_not_there(at: str, said: str, url: str) -> None:
    with pytest.raises(ConfigError, match=said):
        open_store(at.format(url.rpartition("=")[2]))


def test_a_store_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"the bucket b1 at http://127.0.0.1:.* be reached"):
        open_store(f"s3://b1/lake?endpoint=http://127.0.0.1:{free_port()}")


def test_a_prefix_without_a_lake_is_no_lake(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", url]) == 2
    assert "there is no lake at" in capsys.readouterr().err
