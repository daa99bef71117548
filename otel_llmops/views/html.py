"""One page that opens offline: the treemap, the import graph and the functions of a snapshot.

Strategy: page.html is the whole program, and the only thing put into it is one JSON document,
written so that nothing in it can end the script element it stands in. The program shows names as
text, never as markup; its content security policy lets the page load and send nothing, and run this
one program, which it knows by its hash.
"""

import json
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import Any

from otel_llmops.views.graphs import d3
from otel_llmops.views.modules import Function, Picture
from otel_llmops.views.treemap import treemap

__all__ = ["POLICY", "page"]

_FUNCTIONS_MAX = 50
_TEMPLATE = files("otel_llmops.views").joinpath("page.html").read_text("utf-8")
_PROGRAM = _TEMPLATE.rpartition("<script>")[2].partition("</script>")[0]
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    f"script-src 'sha256-{b64encode(sha256(_PROGRAM.encode()).digest()).decode()}'"
)
"""What a browser lets the page do; the page has it too, for whoever opens it as a file."""
_BEFORE, _, _AFTER = _TEMPLATE.replace("@POLICY@", POLICY).partition("@DATA@")
_ESCAPED = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def page(picture: Picture) -> str:
    """The page as text."""
    document = {
        "commit": picture.commit,
        "tree": treemap(picture),
        "graph": d3(picture),
        "functions": [_row(each) for each in _foremost(picture)],
    }
    return _BEFORE + json.dumps(document, ensure_ascii=True).translate(_ESCAPED) + _AFTER


def _foremost(picture: Picture) -> list[Function]:
    """Functions by tokens; of a snapshot without, by complexity."""
    every = [each for module in picture.modules for each in module.functions]
    every.sort(
        key=lambda each: (
            -each.tokens,
            -each.cumulative_tokens,
            -each.complexity,
            each.module,
            each.name,
        )
    )
    return every[:_FUNCTIONS_MAX]


def _row(function: Function) -> dict[str, Any]:
    return {
        "module": function.module,
        "name": function.name,
        "tokens": function.tokens,
        "cumulative_tokens": function.cumulative_tokens,
        "calls": function.calls,
        "complexity": function.complexity,
        "lines": function.lines,
    }
