"""Packages, modules and functions nested in each other, each as large as what it spent."""

from collections.abc import Sequence
from typing import Any

from otel_llmops.views.modules import Module, Picture

__all__ = ["treemap"]

_Node = dict[str, Any]


def treemap(picture: Picture) -> _Node:
    """`name`, `tokens`, `calls`, `lines`, and `children` where there are any.

    A node's numbers are those of all in it, so they are not to be added up again on the way to
    the root. Without tokens (a scan that no span was laid onto), `lines` may give the sizes.
    """
    root: _Node = _folder(picture.repository.rstrip("/").rpartition("/")[2] or "repository")
    folders: dict[tuple[str, ...], _Node] = {(): root}
    for module in picture.modules:
        path = tuple(module.name.split(".")) if module.name == module.path else (module.name,)
        inside = _place(folders, path)
        inside["lines"] += module.lines
        inside["children"] += _functions(module)
    _sum(root)
    return root


def _folder(name: str) -> _Node:
    return {"name": name, "tokens": 0, "calls": 0, "lines": 0, "children": []}


def _place(folders: dict[tuple[str, ...], _Node], path: tuple[str, ...]) -> _Node:
    """The node of a module, made with those of the packages it is in."""
    for depth in range(1, len(path) + 1):
        if path[:depth] not in folders:
            folders[path[:depth]] = made = _folder(path[depth - 1])
            folders[path[: depth - 1]]["children"].append(made)
    return folders[path]


def _functions(module: Module) -> Sequence[_Node]:
    return [
        {
            "name": function.name,
            "tokens": function.tokens,
            "calls": function.calls,
            "lines": function.lines,
        }
        for function in module.functions
    ]


def _sum(root: _Node) -> None:
    """Fill in the sums; not by recursion, for packages may be nested as deep as anyone likes."""
    order, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        order.append(node)
        waiting += [child for child in node.get("children", ()) if "children" in child]
    for node in reversed(order):
        for child in node["children"]:
            node["tokens"] += child["tokens"]
            node["calls"] += child["calls"]
            if "children" in child:  # a function's lines are among its module's
                node["lines"] += child["lines"]
