"""Places in the code, as spans tell them, onto the functions of a snapshot."""

import pytest

from otel_llmops.topology.correlate import Index, Place
from tests.support.snapshot import Tables, snapshot

SHOP = snapshot(
    """
    module shop src/shop/__init__.py 1-5
      function make 2-4
    module shop.desk src/shop/desk.py 1-120
      class Desk 3-40
      method Desk.ask 5:7-20
      method Desk.price 22:23-25
      method Desk.price 27:28-30
      class Desk.Drawer 32-39
      function serve 50-80
      function serve.inner 55-60
      lambda serve.<lambda1> 62-62
      lambda serve.<lambda2> 64-64
      lambda serve.<lambda3> 66-66
      lambda serve.<lambda4> 66-66
      class serve.Local 70-78
      method serve.Local.run 72-77
    module shop.tools.helpers src/shop/tools/helpers.py 1-20
      function clean 2-9
    module shop.web.helpers src/shop/web/helpers.py 1-20
      function clean 2-9
      function escape 11-19
    module main src/main.py 1-30
      function run 5-20
    module scripts.job scripts/job.py 1-30
      function run 5-20
    """
)


def _index(tables: Tables) -> Index:
    rows = {
        name: tables[f"code_{name}"].to_pylist() for name in ("modules", "classes", "functions")
    }
    return Index(**rows)


def _laid(*place: object, tables: Tables = SHOP) -> tuple[str, str]:
    """Qualified name (with its first line, where two have it) and how it was found."""
    function, file, line = place
    found = _index(tables).lay([(str(function), str(file), int(str(line)))])
    rows = {row["function_id"]: row for row in tables["code_functions"].to_pylist()}
    (function_id,), (how,) = found.function_ids, found.how
    if not function_id:
        return "", how
    names = [row["qualified_name"] for row in rows.values()]
    name = rows[function_id]["qualified_name"]
    shared = names.count(name) > 1
    return f"{name}@{rows[function_id]['line_first']}" if shared else name, how


@pytest.mark.parametrize(
    "file",
    [
        "/app/src/shop/desk.py",
        "/usr/lib/python3/site-packages/shop/desk.py",
        "C:\\Users\\me\\project\\src\\shop\\desk.py",
        "src/shop/desk.py",
        "./src/shop/desk.py",
        "shop/desk.py",
        "desk.py",
        "/app/lib/shop.zip/shop/desk.py",
        "/src/shop/desk.py",
        "",
    ],
    ids=str,
)
def test_a_file_is_found_wherever_it_lies(file: str) -> None:
    assert _laid("shop.desk.Desk.ask", file, 8) == ("shop.desk.Desk.ask", "name")


@pytest.mark.parametrize(
    ("function", "line", "expected"),
    [
        ("shop.desk.serve", 51, "shop.desk.serve"),
        ("shop.desk.serve.<locals>.inner", 56, "shop.desk.serve.inner"),
        ("shop.desk.serve.<locals>.<lambda>", 64, "shop.desk.serve.<lambda2>"),
        ("shop.desk.serve.<locals>.Local.run", 73, "shop.desk.serve.Local.run"),
        ("shop.desk.serve.<locals>.<genexpr>", 52, "shop.desk.serve"),
        ("shop.desk.Desk.ask.<locals>.<listcomp>", 9, "shop.desk.Desk.ask"),
        ("shop.desk.Desk.price", 29, "shop.desk.Desk.price@27"),
        ("shop.desk.Desk.price", 22, "shop.desk.Desk.price@22"),
        ("shop.desk.Desk", 4, "shop.desk"),
        ("shop.desk.Desk.Drawer", 33, "shop.desk"),
        ("shop.desk.serve.<locals>.Local", 71, "shop.desk.serve"),
        ("shop.desk.<module>", 1, "shop.desk"),
        ("shop.desk.<listcomp>", 1, "shop.desk"),
        ("shop.make", 3, ""),
        ("Desk.ask", 8, "shop.desk.Desk.ask"),
        ("serve", 51, "shop.desk.serve"),
        ("", 56, "shop.desk.serve.inner"),
        ("", 100, "shop.desk"),
        ("desk.serve", 51, "shop.desk.serve"),
        ("vendored.shop.desk.serve", 51, "shop.desk.serve"),
        ("__main__.serve", 51, "shop.desk.serve"),
        ("plugin_7.serve", 51, "shop.desk.serve"),
    ],
)
def test_a_function_is_found_in_its_file(function: str, line: int, expected: str) -> None:
    assert _laid(function, "/app/src/shop/desk.py", line)[0] == expected


def test_a_package_is_its_init_file() -> None:
    assert _laid("shop.make", "/app/src/shop/__init__.py", 3) == ("shop.make", "name")


def test_lines_that_moved_do_not_matter_where_the_name_is_enough() -> None:
    assert _laid("shop.desk.serve", "/app/src/shop/desk.py", 9999) == ("shop.desk.serve", "name")


def test_of_two_of_one_name_the_nearer_one_is_meant() -> None:
    assert _laid("shop.desk.serve.<locals>.<lambda>", "desk.py", 61) == (
        "shop.desk.serve.<lambda1>",
        "line",
    )


def test_two_lambdas_of_one_line_are_laid_nowhere() -> None:
    place = ("shop.desk.serve.<locals>.<lambda>", "/app/src/shop/desk.py", 66)
    assert _laid(*place) == ("", "ambiguous")


def test_of_files_of_one_name_the_longest_end_of_the_path_decides() -> None:
    found = _laid("helpers.clean", "/app/web/helpers.py", 3)
    assert found == ("shop.web.helpers.clean", "name")


def test_of_files_of_one_name_the_modules_name_decides_where_paths_do_not() -> None:
    assert _laid("web.helpers.clean", "helpers.py", 3) == ("shop.web.helpers.clean", "name")


def test_files_that_nothing_tells_apart_are_ambiguous() -> None:
    assert _laid("helpers.clean", "helpers.py", 3) == ("", "ambiguous")


def test_a_function_that_only_one_of_them_has_tells_them_apart() -> None:
    assert _laid("helpers.escape", "helpers.py", 12) == ("shop.web.helpers.escape", "name")


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("/app/src/main.py", 99, ("main.run", "name")),
        ("/app/main.py", 6, ("main.run", "name")),
        ("/app/main.py", 99, ("", "outside")),
        ("/app/scripts/job.py", 99, ("scripts.job.run", "name")),
    ],
)
def test_a_program_is_known_by_its_file(file: str, line: int, expected: tuple[str, str]) -> None:
    assert _laid("__main__.run", file, line) == expected


def test_another_projects_file_of_the_same_name_is_outside() -> None:
    found = _laid("json.decoder.clean", "/usr/lib/python3.11/json/helpers.py", 3)
    assert found == ("", "outside")


def test_a_function_that_its_file_has_not_is_unknown() -> None:
    assert _laid("shop.desk.gone", "/app/src/shop/desk.py", 51) == ("", "unknown")


def test_a_module_that_became_a_package_is_known_by_its_whole_name() -> None:
    found = _laid("shop.tools.helpers.clean", "/app/src/shop/tools/helpers/__init__.py", 3)
    assert found == ("shop.tools.helpers.clean", "name")


def test_a_name_alone_is_laid_where_only_one_function_has_it() -> None:
    assert _laid("helpers.escape", "", 0) == ("shop.web.helpers.escape", "name")
    assert _laid("helpers.clean", "", 0) == ("", "ambiguous")
    assert _laid("run", "", 0) == ("", "outside")


def test_each_place_is_answered_in_its_turn_and_counted() -> None:
    places: list[Place] = [
        ("shop.desk.serve", "desk.py", 51),
        ("shop.desk.gone", "desk.py", 51),
        ("elsewhere.f", "/x/y.py", 1),
        ("shop.make", "src/shop/__init__.py", 3),
    ]
    found = _index(SHOP).lay(places)
    assert found.how == ["name", "unknown", "outside", "name"]
    assert found.counts == {"name": 2, "unknown": 1, "outside": 1}


def test_an_empty_snapshot_lays_nothing() -> None:
    found = _index(snapshot("")).lay([("shop.desk.serve", "desk.py", 51)])
    assert (found.function_ids, found.how) == ([""], ["outside"])
