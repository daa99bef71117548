"""Where everything is in a JSON text: a tree of places, so that parts can be changed in place.

It reads what a JSON parser accepted before; it finds no faults itself.
"""

import re
from collections.abc import Collection, Iterator

import orjson

__all__ = ["Node", "Spliced", "text_at", "tree"]

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)


_OTHER = "0"
_NO_ITEMS: list[tuple[str, "Node"]] = []


class Node:
    """A value in `[start, end)`. `items`: of an object (name, value), of an array ("", value).

    Only texts, objects and arrays are nodes; `has_others` says that there are more in an array. In
    one that `is_whole` all are nodes, so that they can be counted.
    """

    __slots__ = ("end", "has_others", "is_whole", "items", "kind", "parent", "start")

    def __init__(self, kind: str, start: int, end: int, parent: "Node | None") -> None:
        """`kind` is the first character of what it is, or `0`."""
        self.kind, self.start, self.end, self.parent = kind, start, end, parent
        self.items: list[tuple[str, Node]] = [] if kind in "{[" else _NO_ITEMS
        self.has_others = False
        self.is_whole = False

    def members(self, name: str) -> Iterator["Node"]:
        """The values of the object's members called `name`; JSON lets a name come twice."""
        return (value for key, value in self.items if key == name)

    def last(self, name: str) -> "Node | None":
        """The value that a parser takes for `name`."""
        found = list(self.members(name)) if self.kind == "{" else []
        return found[-1] if found else None


def tree(data: bytes, whole: Collection[str]) -> Node:
    """The value that `data` holds; arrays whose name is in `whole` are so."""
    top = Node("[", 0, len(data), None)
    holder = top
    name: str | None = None
    for token in _TOKEN.finditer(data):
        start, end = token.span()
        first = data[start : start + 1]
        if first in b",:":
            continue
        if first in b"}]":
            holder.end = end
            holder = holder.parent or top
        elif first == b'"' and holder.kind == "{" and name is None:
            name = text_at(data, start, end)
        elif holder.is_whole or (
            first in b'{["' and (end - start != _EMPTY_BYTES or name == "key")
        ):
            kind = first.decode() if first in b'{["' else _OTHER
            node = Node(kind, start, end, holder)
            node.is_whole = name in whole
            holder.items.append((name or "", node))
            name = None
            if kind in "{[":
                holder = node
        else:
            holder.has_others, name = True, None
    return top.items[0][1]


_EMPTY_BYTES = 2  # of an empty text; an object's or array's first character is one


def text_at(data: bytes, start: int, end: int) -> str:
    """The text that the JSON string at `[start, end)` stands for."""
    inner = data[start + 1 : end - 1]
    text: str = orjson.loads(data[start:end]) if b"\\" in inner else inner.decode()
    return text


class Spliced:
    """Changes of nodes, written back. A node inside one that is changed is not changed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._new: dict[int, tuple[Node, bytes]] = {}
        self._removed: dict[int, Node] = {}

    def __bool__(self) -> bool:
        return bool(self._new or self._removed)

    def replace(self, node: Node, value: bytes) -> None:
        """Let `value` stand in place of `node`."""
        self._new[node.start] = node, value

    def remove(self, node: Node) -> None:
        """Take `node` out of its array; elsewhere, and beside what is no node, it is emptied."""
        if node.parent is None or node.parent.kind != "[" or node.parent.has_others:
            self.replace(node, b"{}")
        else:
            self._removed[node.start] = node

    def applied(self) -> bytes:
        """The text with all changes."""
        edits = [(node.start, node.end, value) for node, value in self._new.values()]
        arrays = {id(node.parent): node.parent for node in self._removed.values()}
        for array in arrays.values():
            if array is not None:
                edits += [(start, end, b"") for start, end in self._gaps(array)]
        out: list[bytes] = []
        at = 0
        for start, end, value in sorted(edits):
            if start < at:  # inside of what is changed already
                continue
            out += (self._data[at:start], value)
            at = end
        return b"".join([*out, self._data[at:]])

    def _gaps(self, array: Node) -> Iterator[tuple[int, int]]:
        """What goes with the removed elements of `array`, commas included."""
        items = [node for _, node in array.items]
        kept = [place for place, node in enumerate(items) if node.start not in self._removed]
        if not kept:
            yield items[0].start, items[-1].end
            return
        for place, node in enumerate(items[: kept[-1]]):
            if node.start in self._removed:
                yield node.start, items[place + 1].start
        if kept[-1] + 1 < len(items):
            yield items[kept[-1]].end, items[-1].end
