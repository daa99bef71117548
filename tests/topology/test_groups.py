"""Installed packages are solved in groups: who is with whom, and what is seen between them."""

import marshal
import signal
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from otel_llmops.topology.calls import Edge
from otel_llmops.topology.calls.facts import FUNCTIONS
from otel_llmops.topology.files import Tree, find
from otel_llmops.topology.groups import (
    Sizes,
    Solved,
    grouped,
    in_two,
    requests,
    solve_all,
    solve_early,
)
from otel_llmops.topology.layout import Layout, layout
from otel_llmops.topology.pool import asked_apart, look_at_all
from otel_llmops.topology.room import Room
from otel_llmops.topology.solving import read_answer
from otel_llmops.topology.worker import Buffer, Job, Look, pack, unpack
from tests.support.serving import until
from tests.topology.drawn import draw

_PACKAGES = {
    "lib/__init__.py": """
        from .engine import Engine, connect, each
        """,
    "lib/engine.py": """
        from functools import wraps
        class Base:
            def close(self): self.flush()
            def flush(self): ...
        class Engine(Base):
            def run(self): ...
        def checked(f):
            @wraps(f)
            def inner(*args): return f(*args)
            return inner
        @checked
        def connect(): ...
        def opened() -> Engine: return Engine()
        def unsaid(): return Engine()
        def each(callback): callback()
        default = unsaid()
        """,
    "app/__init__.py": "",
    "app/main.py": """
        import lib
        from lib.engine import default, opened, unsaid
        class Mine(lib.Engine):
            def flush(self): ...
            def work(self): self.close()
        def told(): ...
        def start():
            lib.connect()
            opened().run()
            unsaid().run()
            lib.each(told)
            Mine().work()
        """,
}

_WITHIN_LIB = {
    "lib.engine > lib.engine.checked",
    "lib.engine > lib.engine.unsaid",
    "lib.engine.Base.close > lib.engine.Base.flush",
    "lib.engine.checked.inner > lib.engine.connect",
}
_FROM_APP = {
    "app.main.Mine.work > lib.engine.Base.close",
    "app.main.start > app.main.Mine.work",
    "app.main.start > lib.engine.checked.inner",
    "app.main.start > lib.engine.Engine.run",
    "app.main.start > lib.engine.each",
    "app.main.start > lib.engine.opened",
    "app.main.start > lib.engine.unsaid",
}
_BACK = {"lib.engine.each > app.main.told", "lib.engine.Base.close > app.main.Mine.flush"}


_NOTHING: Final[Mapping[bytes, Buffer]] = {}


_MANY: Final = Sizes(files_many=1, bytes_small=1)


def _looked(root: Path) -> tuple[Tree, Layout, dict[str, Look]]:
    tree = find(root)
    placed = layout(tree)
    jobs = [
        Job(str(root / path), placed.names[path], path.endswith("__init__.py"))
        for path in tree.files
    ]
    looks = look_at_all(jobs, [0] * len(jobs), workers=0)
    return tree, placed, dict(zip(tree.files, looks, strict=True))


def _solved(
    root: Path, *, files_many: int, workers: int = 0, kept: Mapping[bytes, Buffer] = _NOTHING
) -> Solved:
    tree, placed, looks = _looked(root)
    sizes = Sizes(files_many, bytes_small=1)
    asked = requests(tree, placed, looks, sizes=sizes)
    room = Room([one.size for one in asked.values()], 1)
    solved = solve_all(asked, room, workers=workers, kept=kept)
    assert asked == {}
    assert solved.unread == []
    assert not any(look.calls for look in looks.values())
    return solved


def _edges(root: Path, *, files_many: int, workers: int = 0) -> list[Edge]:
    return _solved(root, files_many=files_many, workers=workers).edges


def _drawn(edges: list[Edge]) -> set[str]:
    return {f"{edge.caller} > {edge.callee}" for edge in edges}


def test_a_user_sees_the_surface_of_a_library_and_a_library_nothing_of_its_users(
    tmp_path: Path,
) -> None:
    root = draw(tmp_path, _PACKAGES)
    whole = _drawn(_edges(root, files_many=5))
    assert whole == _WITHIN_LIB | _FROM_APP | _BACK
    assert _drawn(_edges(root, files_many=4)) == whole - _BACK


def test_groups_are_the_same_in_processes_of_their_own(tmp_path: Path) -> None:
    root = draw(tmp_path, _PACKAGES)
    apart = _edges(root, files_many=1, workers=2)
    assert apart == _edges(root, files_many=1)
    assert apart == sorted(apart)


def test_a_project_is_one_however_large(tmp_path: Path) -> None:
    root = draw(tmp_path, {**_PACKAGES, "setup.py": ""})
    assert _drawn(_edges(root, files_many=1)) >= _BACK


_CHANGES = {
    # what is written in place of what -> the packages that are solved again
    "in the user": ("app/main.py", "def told(): ...", "def told(): start()", {"app"}),
    "in a body of the library": ("lib/engine.py", "self.flush()", "self.run()", {"lib"}),
    "only lines move": ("lib/engine.py", "class Base:", "\n\nclass Base:", {"lib"}),
    "at the surface": ("lib/engine.py", "-> Engine:", "-> Base:", {"lib", "app"}),
    "nothing": ("lib/engine.py", "class Base:", "class Base:", set()),
}


@pytest.mark.parametrize("change", _CHANGES)
def test_what_changed_is_solved_again_and_gives_what_solving_all_gives(
    tmp_path: Path, change: str
) -> None:
    path, before, after, again = _CHANGES[change]
    root = draw(tmp_path, _PACKAGES)
    first = _solved(root, files_many=1)
    source = (root / path).read_text()
    assert before in source
    (root / path).write_text(source.replace(before, after))
    spoilt = {key: _marked(answer) for key, answer in first.answers.items()}
    second = _solved(root, files_many=1, kept=first.answers)
    assert second == _solved(root, files_many=1)
    from_before = _solved(root, files_many=1, kept=spoilt)
    assert {"lib", "app"} - again == {edge.found_by for edge in from_before.edges} & {"lib", "app"}


@pytest.mark.parametrize(
    ("read", "solved"),
    [
        ({"lib"}, {"lib"}),
        ({"lib", "app"}, {"lib", "app"}),
        ({"app"}, set()),  # what it imports is not there yet
        ({"lib", "main"}, {"lib"}),  # one file of a package is not the package
    ],
)
def test_what_is_complete_is_solved_before_all_is_read(
    tmp_path: Path, read: set[str], solved: set[str]
) -> None:
    root = draw(tmp_path, _PACKAGES)
    tree, placed, looks = _looked(root)
    part = {
        path: look for path, look in looks.items() if read & set(Path(path).with_suffix("").parts)
    }
    early = solve_early(tree, placed, part, kept={}, until=lambda: False, sizes=_MANY)
    whole = _solved(root, files_many=1).answers
    assert early.items() <= whole.items()
    callers = {edge.caller for answer in early.values() for edge in read_answer(answer)[0]}
    assert {caller.partition(".")[0] for caller in callers} == solved
    assert solve_early(tree, placed, part, kept={}, until=lambda: True, sizes=_MANY) == {}


def test_the_largest_package_is_read_last(tmp_path: Path) -> None:
    root = draw(
        tmp_path,
        {
            "a/__init__.py": "#" * 200, "b/__init__.py": "", "b/more.py": "#" * 500,
            "c/__init__.py": "#" * 400, "d.py": "#" * 20,
        },
    )  # fmt: skip
    tree = find(root)
    placed = layout(tree)
    waiting = list(tree.files)
    first = ["d.py", "a/__init__.py", "c/__init__.py"]
    rest = ["b/__init__.py", "b/more.py"]
    assert in_two(tree, placed, waiting, sizes=_MANY) == (first, rest)
    assert in_two(tree, placed, waiting) == (waiting, [])  # too few to be worth it


def _marked(answer: Buffer) -> bytes:
    """An answer whose edges say whose they are."""
    edges, told = marshal.loads(answer)  # noqa: S302 - what the test has just made
    return marshal.dumps(([(a, b, a.partition(".")[0], line) for a, b, _, line in edges], told))


@pytest.mark.parametrize(
    ("sizes", "imports", "groups"),
    [
        ({"a": 9, "b": 9}, {}, [("a", ""), ("b", "")]),
        ({"a": 9, "b": 8}, {"a": "b"}, [("a", "b"), ("b", "")]),
        ({"a": 9, "b": 9}, {"a": "b", "b": "a"}, [("ab", "")]),
        ({"a": 1, "b": 8, "c": 9}, {"a": "bc"}, [("ac", "b"), ("b", "")]),
        ({"a": 1, "b": 1, "c": 9}, {"a": "b", "b": "c"}, [("abc", "")]),
        ({"a": 1, "b": 1, "c": 9}, {}, [("c", ""), ("ab", "")]),
        ({"a": 9, "b": 8, "c": 7}, {"a": "b", "b": "c"}, [("a", "bc"), ("b", "c"), ("c", "")]),
    ],
)
def test_who_is_solved_with_whom(
    sizes: dict[str, int], imports: dict[str, str], groups: list[tuple[str, str]]
) -> None:
    made = grouped(sizes, {top: set(imports.get(top, "")) for top in sizes}, bytes_small=5)
    assert [(group.packages, group.known) for group in made] == [
        (frozenset(packages), frozenset(known)) for packages, known in groups
    ]


@pytest.mark.parametrize(
    ("number", "end"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGKILL, None)]
)
def test_a_solver_is_done_again_if_it_died_but_not_if_the_user_interrupted_it(
    tmp_path: Path, number: signal.Signals, end: type[KeyboardInterrupt] | None
) -> None:
    _, _, looks = _looked(draw(tmp_path, _PACKAGES))
    much = [looks["lib/engine.py"].calls] * 50_000  # seconds of work

    others = psutil.Process().children()  # servers of other tests

    def solvers() -> list[psutil.Process]:
        return [one for one in psutil.Process().children() if one not in others]

    def strike() -> None:
        until(solvers, what="a solver")[0].send_signal(number)

    striking = threading.Thread(target=strike)
    striking.start()
    with pytest.raises(end) if end else nullcontext():
        assert asked_apart(much, []) is None
    striking.join()


def test_what_cannot_be_solved_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    tree, placed, looks = _looked(draw(tmp_path, _PACKAGES))
    broken = list(unpack(looks["app/main.py"].calls))
    broken[FUNCTIONS] = None
    looks["app/main.py"] = looks["app/main.py"]._replace(calls=pack(tuple(broken)))
    asked = requests(tree, placed, looks, sizes=_MANY)
    solved = solve_all(asked, Room([1] * len(asked), 1), workers=2, kept={})
    assert solved.unread == [("app", 1, "calls are not known (TypeError)")]
    assert {f"{edge.caller} > {edge.callee}" for edge in solved.edges} == _WITHIN_LIB
