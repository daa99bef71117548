"""What moved between two commits: in the structure of the code, and in tokens a call.

Strategy: totals measure traffic, not code, so tokens are compared by call. Each side gives the
number of calls, their sum and the sum of their squares; the difference of the two means comes with
its 95 % interval by Welch's t, which needs neither equal spread nor equal numbers. Calls of one
session are not independent of each other: sessions are what is drawn, so the error of a mean is
that of a mean of clusters (`PerCall.mean_variance`), and its degrees of freedom are counted in
sessions.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from math import inf, sqrt
from statistics import NormalDist
from typing import Any

__all__ = [
    "CALLS_MIN",
    "CONFIDENCE",
    "PerCall",
    "TokenChange",
    "structure",
    "t_quantile",
    "token_changes",
]

CONFIDENCE = 0.95
CALLS_MIN = 5
"""Calls, and sessions that they are worth, on each side below which no bound is given: the series
for t is good from 4 degrees on."""

_Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class PerCall:
    """Calls of a function, and sums over them and over the sessions that they were made in.

    `squared` sums the squares of each call's own tokens. Over sessions: `sessions` is their number,
    `session_calls_squared` sums calls * calls, `session_tokens_calls` tokens * calls, and
    `session_tokens_squared` tokens * tokens of each.
    """

    calls: int = 0
    tokens: int = 0
    squared: float = 0.0
    sessions: int = 0
    session_calls_squared: float = 0.0
    session_tokens_calls: float = 0.0
    session_tokens_squared: float = 0.0

    @property
    def mean(self) -> float:
        """Tokens a call, 0 without calls."""
        return self.tokens / self.calls if self.calls else 0.0

    @property
    def variance(self) -> float:
        """Of one call, as the sample tells it; 0 for fewer than two calls."""
        if self.calls < 2:
            return 0.0
        spread = self.squared - self.tokens * self.tokens / self.calls
        return max(spread, 0.0) / (self.calls - 1)

    @property
    def sessions_effective(self) -> float:
        """So many sessions with equal numbers of calls would tell as much; 0 without calls.

        Source: Kish 1965 (a sample's effective size); Carter, Schnepel and Steigerwald 2017,
                "Asymptotic behavior of a t-test robust to cluster heterogeneity", for clusters.
        """
        if not self.session_calls_squared:
            return 0.0
        return self.calls * self.calls / self.session_calls_squared

    @property
    def mean_variance(self) -> float:
        """Variance of the mean, which knows that calls of one session are alike.

        It is the cluster-robust (sandwich) variance of a mean: a session's residual is its tokens
        less its calls times the mean. Never less than of calls that are independent; inf where
        one session is all that there is, which tells nothing of others.

        Source: Liang and Zeger 1986; Cameron and Miller 2015, "A practitioner's guide to
                cluster-robust inference", with the effective number of sessions in the factor
                G / (G - 1).
        """
        effective = self.sessions_effective
        if effective <= 1:
            return inf
        # in whole numbers, as which they are stored: alike calls have no residual at all
        calls, tokens = self.calls, self.tokens
        residual = (
            calls * calls * int(self.session_tokens_squared)
            - 2 * calls * tokens * int(self.session_tokens_calls)
            + tokens * tokens * int(self.session_calls_squared)
        )
        clustered = max(residual, 0) / calls**4 * effective / (effective - 1)
        return max(clustered, self.variance / calls)

    def plus(self, other: "PerCall") -> "PerCall":
        """Both together, as if they were made in different sessions."""
        mine, theirs = astuple(self), astuple(other)
        return PerCall(*(one + more for one, more in zip(mine, theirs, strict=True)))


@dataclass(frozen=True, slots=True)
class TokenChange:
    """Tokens a call of one function, before and after.

    `low` and `high` bound the difference of the means; None where a side has fewer than CALLS_MIN
    calls, or they come from too few sessions. `is_certain` where both are on one side of 0.
    """

    function: str
    before: PerCall
    after: PerCall
    low: float | None
    high: float | None

    @property
    def difference(self) -> float | None:
        """Tokens a call more than before; None where a side has no calls."""
        if not self.before.calls or not self.after.calls:
            return None
        return self.after.mean - self.before.mean

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def token_changes(before: Mapping[str, PerCall], after: Mapping[str, PerCall]) -> list[TokenChange]:
    """Functions by how many tokens a call they changed (most first), then by name.

    In:     calls by function's qualified name, of either side.
    Out:    one entry for each function of either side; those that only one side has come last.
    Source: Welch 1947, with each side's error by sessions (PerCall.mean_variance); Cornish and
            Fisher's series for the quantile of Student's t.
    """
    made = []
    for function in before.keys() | after.keys():
        sides = before.get(function, PerCall()), after.get(function, PerCall())
        low, high = _interval(*sides)
        made.append(TokenChange(function, *sides, low, high))
    return sorted(
        made,
        key=lambda each: (
            -abs(each.difference) if each.difference is not None else 1.0,
            each.function,
        ),
    )


def _interval(before: PerCall, after: PerCall) -> tuple[float | None, float | None]:
    if min(before.sessions_effective, after.sessions_effective) < CALLS_MIN:
        return None, None
    errors = [side.mean_variance for side in (before, after)]
    error, middle = sqrt(sum(errors)), after.mean - before.mean
    freedom = inf
    if error:
        shares = (
            part * part / (side.sessions_effective - 1)
            for part, side in zip(errors, (before, after), strict=True)
        )
        freedom = sum(errors) ** 2 / sum(shares)
    half = t_quantile((1 + CONFIDENCE) / 2, freedom) * error
    return middle - half, middle + half


def t_quantile(probability: float, freedom: float) -> float:
    """The quantile of Student's t; within 0.1 % from 4 degrees of freedom on."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return z + sum(term / freedom ** (place + 1) for place, term in enumerate(terms))


def structure(before: Mapping[str, _Rows], after: Mapping[str, _Rows]) -> dict[str, Any]:
    """What two snapshots have apart.

    In:     rows of topology_snapshots, code_modules, code_functions and module_dependencies.
    Out:    a document: modules and functions that were added, removed and changed (a function by
            its body, which neither lines nor docstrings are part of; complexity is told where it
            differs), couplings of modules, imports, and cycles that are new or gone.
    Cost:   O(rows).
    """
    modules = [_by(rows["code_modules"], "module_path") for rows in (before, after)]
    functions = [_by(rows["code_functions"], "qualified_name") for rows in (before, after)]
    imports = [
        {(row["from_module"], row["to_module"]) for row in rows["module_dependencies"]}
        for rows in (before, after)
    ]
    cycles = [_cycles(rows["topology_snapshots"]) for rows in (before, after)]
    return {
        "modules": {
            **_apart(modules[0], modules[1]),
            "coupling": _changed(modules[0], modules[1], _COUPLING),
        },
        "functions": {
            **_apart(functions[0], functions[1]),
            "changed": [
                name
                for name in sorted(functions[0].keys() & functions[1].keys())
                if _bodies(functions[0][name]) != _bodies(functions[1][name])
                and functions[1][name][0]["kind"] != "module"
            ],
            "complexity": _changed(functions[0], functions[1], _COMPLEXITY),
        },
        "imports": {
            "added": [list(edge) for edge in sorted(imports[1] - imports[0])],
            "removed": [list(edge) for edge in sorted(imports[0] - imports[1])],
        },
        "cycles": {
            "added": [list(each) for each in sorted(cycles[1] - cycles[0])],
            "removed": [list(each) for each in sorted(cycles[0] - cycles[1])],
        },
    }


_COUPLING = ("afferent_coupling", "efferent_coupling", "instability", "cohesion")
_COMPLEXITY = ("complexity", "cognitive_complexity")

_Grouped = dict[str, list[Mapping[str, Any]]]


def _by(rows: Iterable[Mapping[str, Any]], key: str) -> _Grouped:
    found: _Grouped = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def _apart(before: _Grouped, after: _Grouped) -> dict[str, list[str]]:
    return {
        "added": sorted(after.keys() - before.keys()),
        "removed": sorted(before.keys() - after.keys()),
    }


def _changed(before: _Grouped, after: _Grouped, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Numbers that differ, for names that either side has once."""
    made = []
    for name in sorted(before.keys() & after.keys()):
        if len(before[name]) > 1 or len(after[name]) > 1:
            continue
        old, new = before[name][0], after[name][0]
        changes = {
            column: {"before": old[column], "after": new[column]}
            for column in columns
            if old[column] != new[column]
        }
        if changes:
            made.append({"name": name, **changes})
    return made


def _bodies(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(row["body_hash"] for row in rows)


def _cycles(snapshots: _Rows) -> set[tuple[str, ...]]:
    return {
        tuple(sorted(cycle["modules"]))
        for row in snapshots
        for cycle in json.loads(row["graph_data"] or "{}").get("cycles", [])
    }
