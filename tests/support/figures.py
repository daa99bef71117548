"""The page of figures as the docs show it."""

_UNITS = {"bytes": "By", "seconds": "s"}


def table(page: str) -> str:
    """One row for each metric of a page in Prometheus' text format, in the order of the names."""
    about: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for line in page.splitlines():
        mark, what, name, *rest = [*line.split(" ", 3), "", "", ""][:4]
        if (mark, what) == ("#", "HELP"):
            about[name] = rest[0]
        elif (mark, what) == ("#", "TYPE"):
            kinds[name] = rest[0]
    rows = [
        f"| `{name}` | {kinds[name]} | {_unit(name)} | {about[name]} |" for name in sorted(about)
    ]
    return "\n".join(["| name | kind | unit | meaning |", "| --- | --- | --- | --- |", *rows])


def _unit(name: str) -> str:
    return next((unit for word, unit in _UNITS.items() if word in name.split("_")), "")
