"""The tables of a scan, whole; what is kept for the next one; workers that die."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pyarrow as pa
import pytest

from otel_llmops.errors import QueryError
from otel_llmops.model.topology import TOPOLOGY
from otel_llmops.topology.graph import (
    CallGraphAnalyzer,
    DependencyGraphBuilder,
    call_chain,
    call_graph,
    module_graph,
)
from otel_llmops.topology.ids import identifier, identifiers
from otel_llmops.topology.parser import CodeParser
from otel_llmops.topology.pool import look_at_all
from otel_llmops.topology.scan import Scan, scan
from otel_llmops.topology.worker import Job
from tests.topology.drawn import draw, rows, scanned

_SHOP = {
    "shop/__init__.py": '"""A shop."""\nfrom shop.cart import Cart\n',
    "shop/cart.py": '''
        from functools import cached_property
        from typing import TYPE_CHECKING

        import numpy

        if TYPE_CHECKING:
            from shop.till import Till


        class Cart:
            """What a customer takes.

            More of it.
            """

            def __init__(self, till: "Till") -> None:
                self.till = till
                self.items = []

            @cached_property
            def total(self):
                return sum(item.price for item in self.items if item)

            async def pay(self):
                from shop.till import Till
                for item in self.items:
                    if not item:
                        continue
                return Till().take(self.total)
        ''',
    "shop/till.py": '''
        from shop.cart import Cart


        class Till:
            def take(self, amount):
                """Take money."""
                def round_up(value):
                    return value
                return sorted([amount], key=lambda n: round_up(n))


        def open_till(cart: Cart):
            return Till()
        ''',
}


@pytest.fixture
def shop(tmp_path: Path) -> Scan:
    return scanned(tmp_path, _SHOP)


def test_every_table_has_its_schema(shop: Scan) -> None:
    assert {name: table.schema for name, table in shop.tables.items()} == dict(TOPOLOGY)
    for table in shop.tables.values():
        table.validate(full=True)


def test_modules_with_their_figures(shop: Scan) -> None:
    assert rows(
        shop.tables["code_modules"], "module_path", "module_name", "file_path", "line_count",
        "complexity_score", "afferent_coupling", "efferent_coupling", "instability", "cohesion",
    ) == [
        ("shop", "shop", "shop/__init__.py", 2, 0.0, 0, 1, 1.0, None),
        ("shop.cart", "cart", "shop/cart.py", 29, 5 / 3, 2, 1, 1 / 3, 0.5),
        ("shop.till", "till", "shop/till.py", 13, 4 / 3, 1, 1, 0.5, 1.0),
    ]  # fmt: skip


def test_functions_with_their_figures(shop: Scan) -> None:
    assert rows(
        shop.tables["code_functions"], "qualified_name", "kind", "line_first", "line_start",
        "line_end", "complexity", "cognitive_complexity", "is_async", "decorators", "docstring",
    ) == [
        ("shop", "module", 1, 1, 2, 1, 0, False, "[]", "A shop."),
        ("shop.cart", "module", 1, 1, 29, 2, 1, False, "[]", ""),
        ("shop.cart.Cart.__init__", "method", 16, 16, 18, 1, 0, False, "[]", ""),
        ("shop.cart.Cart.total", "method", 20, 21, 22, 1, 2, False, '["cached_property"]', ""),
        ("shop.cart.Cart.pay", "method", 24, 24, 29, 3, 3, True, "[]", ""),
        ("shop.till", "module", 1, 1, 13, 1, 0, False, "[]", ""),
        ("shop.till.Till.take.round_up", "function", 7, 7, 8, 1, 0, False, "[]", ""),
        ("shop.till.Till.take.<lambda1>", "lambda", 9, 9, 9, 1, 0, False, "[]", ""),
        ("shop.till.Till.take", "method", 5, 5, 9, 2, 0, False, "[]", "Take money."),
        ("shop.till.open_till", "function", 12, 12, 13, 1, 0, False, "[]", ""),
    ]  # fmt: skip


def test_classes_with_their_figures(shop: Scan) -> None:
    assert rows(
        shop.tables["code_classes"], "qualified_name", "class_name", "line_start", "line_end",
        "bases", "methods", "lcom4", "lcom_hs", "afferent_coupling", "efferent_coupling",
    ) == [
        ("shop.cart.Cart", "Cart", 10, 29, "[]", 3, 1, 0.5, 0, 1),
        ("shop.till.Till", "Till", 4, 9, "[]", 1, 1, 0.0, 1, 0),
    ]  # fmt: skip


def test_imports_with_what_is_circular(shop: Scan) -> None:
    assert rows(
        shop.tables["module_dependencies"], "from_module", "to_module", "import_type", "scope",
        "line", "is_circular",
    ) == [
        ("shop", "shop.cart", "from_import", "top_level", 2, False),
        ("shop.cart", "shop.till", "from_import", "function", 25, True),
        ("shop.cart", "shop.till", "from_import", "type_checking", 7, False),
        ("shop.till", "shop.cart", "from_import", "top_level", 1, True),
    ]  # fmt: skip


def test_calls_between_functions(shop: Scan) -> None:
    found = rows(shop.tables["function_calls"], "caller", "callee", "line")
    assert ("shop.cart.Cart.pay", "shop.till.Till.take", 29) in found
    assert ("shop.till.Till.take.<lambda1>", "shop.till.Till.take.round_up", 9) in found


def test_the_snapshot_itself(shop: Scan, tmp_path: Path) -> None:
    (row,) = (
        shop.tables["topology_snapshots"].drop_columns(["snapshot_id", "scanned_at"]).to_pylist()
    )
    graph = json.loads(row.pop("graph_data"))
    assert row == {
        "repository_path": str(tmp_path),
        "commit_hash": "",
        "total_modules": 3,
        "total_functions": 6,
        "total_dependencies": 4,
        "circular_dependencies": 1,
        "scan_version": 1,
    }
    assert graph == {
        "cycles": [
            {
                "modules": ["shop.cart", "shop.till"],
                "shortest": ["shop.cart", "shop.till"],
                "cheapest_edge": ["shop.cart", "shop.till"],
                "to_break": [["shop.till", "shop.cart"]],
                "at_import_time": False,
            }
        ],
        "diagnostics": [],
        "external": {"numpy": 1},
    }


def test_ids_tie_the_tables_together(shop: Scan) -> None:
    modules = dict(rows(shop.tables["code_modules"], "module_id", "module_path"))
    functions = dict(rows(shop.tables["code_functions"], "function_id", "qualified_name"))
    assert len(functions) == shop.tables["code_functions"].num_rows
    for table, pairs in {
        "module_dependencies": [("from_module_id", "from_module"), ("to_module_id", "to_module")],
        "function_calls": [("caller_function_id", "caller"), ("callee_function_id", "callee")],
    }.items():
        for column, name in pairs:
            names = modules if table == "module_dependencies" else functions
            assert all(
                names[one] == called for one, called in rows(shop.tables[table], column, name)
            )
    for table in ("code_functions", "code_classes"):
        for module, name in rows(shop.tables[table], "module_id", "qualified_name"):
            assert name.startswith(modules[module])


def test_the_same_code_has_the_same_ids_wherever_it_lies(tmp_path: Path) -> None:
    one, two = scanned(tmp_path / "one", _SHOP), scanned(tmp_path / "two", _SHOP)
    place = "repository_path"
    assert {
        name: table.drop_columns([place] if place in table.column_names else [])
        for name, table in one.tables.items()
    } == {
        name: table.drop_columns([place] if place in table.column_names else [])
        for name, table in two.tables.items()
    }


def test_uncommitted_work_replaces_what_was_scanned_of_it_before(tmp_path: Path) -> None:
    def scanned_id(text: str) -> str:
        (tmp_path / "a.py").write_text(text)
        (snapshot,) = scan(tmp_path, workers=0).tables["topology_snapshots"].to_pylist()
        return str(snapshot["snapshot_id"])

    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", *who, *words]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "a.py").write_text("x = 0\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    clean = scanned_id("x = 0\n")
    assert scanned_id("x = 1\n") == scanned_id("x = 2\n") != clean
    git("commit", "-a", "-m", "two")
    assert scanned_id("x = 2\n") not in {clean, scanned_id("x = 1\n")}


def test_ids_are_the_uuids_that_anybody_can_make() -> None:
    names = ["module:a", "", "function:ä.ö", "x" * 5_000]
    assert identifiers(names).to_pylist() == [identifier(name) for name in names]
    assert identifiers([]).to_pylist() == []


def _hashes(root: Path, source: str) -> dict[str, str]:
    table = scanned(root, {"m.py": source}).tables["code_functions"]
    return dict(rows(table, "qualified_name", "body_hash"))


_BODY = '''
def f(a, b=1):
    """Say."""
    if a and b:
        return [g(x, key="y") for x in a.b]
    return (a + b) * 2


def g(x, key):
    return x
'''


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ('"""Say."""', '"""Say it otherwise."""', set()),
        ('"""Say."""\n', "# no docstring\n", set()),
        ("\ndef f", "\n\n\n# moved\ndef f", set()),
        ('g(x, key="y")', "g(\n            x,  # why\n            key='y',\n        )", set()),
        ("return x", "return (x)", set()),
        ("a and b", "a or b", {"m.f"}),
        ("(a + b) * 2", "a + b * 2", {"m.f"}),
        ("* 2", "* 3", {"m.f"}),
        ("b=1", "b=2", {"m.f", "m"}),
        ('key="y"', 'kez="y"', {"m.f"}),
        ("a.b", "a.c", {"m.f"}),
        ("return x", "yield x", {"m.g"}),
        ("def g", "async def g", {"m.g", "m"}),
        ("def g", "@cached\ndef g", {"m.g", "m"}),
    ],
)
def test_a_body_hash_changes_when_the_code_does(
    tmp_path: Path, old: str, new: str, changed: set[str]
) -> None:
    assert old in _BODY
    before = _hashes(tmp_path / "a", _BODY)
    after = _hashes(tmp_path / "b", _BODY.replace(old, new))
    assert {name for name in before if before[name] != after[name]} == changed


def test_definitions_of_one_name_are_all_there_and_a_call_means_the_last(tmp_path: Path) -> None:
    source = """
        from typing import overload
        @overload
        def f(a: int) -> int: ...
        @overload
        def f(a: str) -> str: ...
        def f(a):
            return a
        f(1)
        """
    tables = scanned(tmp_path, {"m.py": source}).tables
    found = rows(tables["code_functions"], "qualified_name", "line_start", "function_id")
    assert [(name, line) for name, line, _ in found] == [
        ("m", 1),
        ("m.f", 3),
        ("m.f", 5),
        ("m.f", 6),
    ]
    assert rows(tables["function_calls"], "callee_function_id") == [(found[-1][2],)]


# what is kept


def _cached(root: Path, cache: Path) -> tuple[int, int, dict[str, pa.Table]]:
    made = scan(root, cache=cache, workers=0, now_ns=0)
    return made.files, made.reused, dict(made.tables)


def test_a_second_scan_reads_only_what_changed(tmp_path: Path) -> None:
    root, cache = draw(tmp_path / "shop", _SHOP), tmp_path / "cache"
    first = _cached(root, cache)
    assert first[:2] == (3, 0)
    assert _cached(root, cache) == (3, 3, first[2])
    with (root / "shop" / "till.py").open("a") as file:
        file.write("\n\ndef close_till(): return open_till(None)\n")
    made = _cached(root, cache)
    assert made[:2] == (3, 2)
    assert made[2] == dict(scan(root, workers=0, now_ns=0).tables)
    (root / "shop" / "till.py").unlink()
    assert _cached(root, cache)[:2] == (2, 2)


def test_a_file_of_the_same_size_and_time_is_read_again_if_its_content_differs(
    tmp_path: Path,
) -> None:
    root, cache = draw(tmp_path / "root", {"m.py": "def a(): pass\n"}), tmp_path / "cache"
    _cached(root, cache)
    before = (root / "m.py").stat()
    (root / "m.py").write_text("def b(): pass\n")
    os.utime(root / "m.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    _, reused, tables = _cached(root, cache)
    assert (reused, rows(tables["code_functions"], "qualified_name")) == (0, [("m",), ("m.b",)])


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def _emptied(content: bytes) -> bytes:
    return content[:0]


@pytest.mark.parametrize("damage", [_truncated, _flipped, _emptied])
def test_a_damaged_cache_is_no_cache(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    root, cache = draw(tmp_path / "shop", _SHOP), tmp_path / "cache"
    first = _cached(root, cache)
    for path in cache.iterdir():
        path.write_bytes(damage(path.read_bytes()))
    assert _cached(root, cache) == first
    assert _cached(root, cache)[1] == 3


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    root = draw(tmp_path / "shop", _SHOP)
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    assert _cached(root, in_the_way / "cache")[:2] == (3, 0)


def test_scans_at_one_time_leave_a_good_cache(tmp_path: Path) -> None:
    root, cache = draw(tmp_path / "shop", _SHOP), tmp_path / "cache"
    threads = [threading.Thread(target=_cached, args=(root, cache)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _cached(root, cache)[:2] == (3, 3)
    assert sorted(path.suffix for path in cache.iterdir()) == [".calls", ".facts", ".tables"]


# workers


def _jobs(root: Path, count: int) -> list[Job]:
    draw(root, {f"m{number}.py": f"def f{number}(): return {number}\n" for number in range(count)})
    return [Job(str(root / f"m{n}.py"), f"m{n}", is_package=False) for n in range(count)]


def test_workers_give_what_this_process_gives(tmp_path: Path) -> None:
    jobs = _jobs(tmp_path, 40)
    told: list[tuple[int, int]] = []
    apart = look_at_all(
        jobs, [100_000] * 40, workers=2, progress=lambda done, total: told.append((done, total))
    )
    assert apart == look_at_all(jobs, [0] * 40, workers=0)
    assert told == sorted(told)
    assert told[-1] == (40, 40)


def test_workers_that_are_killed_are_replaced(tmp_path: Path) -> None:
    jobs = _jobs(tmp_path, 30)
    others = set(psutil.Process().children())  # of other tests: servers, say
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        for child in psutil.Process().children():
            if len(killed) < 3 and child not in others:
                with suppress(psutil.NoSuchProcess):  # one that has just been replaced
                    child.send_signal(signal.SIGKILL)
                    killed.append(child.pid)

    looks = look_at_all(jobs, [400_000] * 30, workers=2, progress=kill)
    assert len(killed) == 3
    assert looks == look_at_all(jobs, [0] * 30, workers=0)


def test_workers_end_with_whoever_started_them(tmp_path: Path) -> None:
    _jobs(tmp_path, 3)
    (tmp_path / "long.py").write_text("x = [" + "[1, 2, 3],\n" * 400_000 + "]\n")
    program = """if True:
        import sys
        from pathlib import Path
        from otel_llmops.topology.scan import scan
        print("ready", flush=True)
        scan(Path(sys.argv[1]), workers=2)
    """
    parent = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 30
        while not (children := psutil.Process(parent.pid).children()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


# graphs


def test_the_module_graph_has_modules_and_imports(shop: Scan) -> None:
    graph = module_graph(shop.tables)
    assert dict(graph.nodes(data="line_count")) == {"shop": 2, "shop.cart": 29, "shop.till": 13}
    assert graph.edges["shop.cart", "shop.till"] == {
        "import_types": {"from_import"},
        "scopes": {"function", "type_checking"},
        "line": 7,
        "is_circular": True,
    }
    builder = DependencyGraphBuilder(shop.tables)
    assert builder.detect_cycles() == [["shop.cart", "shop.till"]]
    assert builder.calculate_metrics()["shop.till"] == {
        "complexity_score": 4 / 3,
        "afferent_coupling": 1,
        "efferent_coupling": 1,
        "instability": 0.5,
        "cohesion": 1.0,
    }


def test_the_call_graph_has_functions_and_calls(shop: Scan) -> None:
    graph = call_graph(shop.tables)
    assert graph.nodes["shop.cart.Cart.pay"]["is_async"] is True
    assert graph.has_edge("shop.cart.Cart.pay", "shop.till.Till.take")


def test_a_call_chain_follows_calls_once(tmp_path: Path) -> None:
    source = """
        def start(): middle(); end()
        def middle(): end(); start()
        def end(): last()
        def last(): pass
        """
    tables = scanned(tmp_path, {"m.py": source}).tables
    steps = CallGraphAnalyzer(tables).build_call_chain("m.start", depth=2)
    assert [(step.depth, step.caller, step.callee) for step in steps] == [
        (1, "m.start", "m.end"),
        (1, "m.start", "m.middle"),
        (2, "m.end", "m.last"),
        (2, "m.middle", "m.end"),
        (2, "m.middle", "m.start"),
    ]
    with pytest.raises(QueryError, match=r"there is no function 'm.nobody'"):
        call_chain(tables, "m.nobody")
    with pytest.raises(QueryError, match="depth 0 is not within 1 and 50"):
        call_chain(tables, "m.start", depth=0)


def test_one_file_is_read_by_itself(tmp_path: Path) -> None:
    draw(tmp_path, _SHOP)
    facts = CodeParser().parse_file(tmp_path / "shop" / "till.py")
    assert [one.qualname for one in facts.classes] == ["Till"]
    assert CodeParser().parse_repository(tmp_path).files == 3
