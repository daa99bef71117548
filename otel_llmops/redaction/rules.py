"""What is masked and what is dropped: presets, and rules of the operator's own.

Strategy: a rule goes either by the name of an attribute (a glob, letters in any case) or by what a
value looks like (RE2, linear in time). Presets are lists of such rules. Everything is compiled
here once, so that what is wrong with a rule is known before the first request.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.errors import ConfigError
from otel_llmops.redaction.patterns import BUILT_IN, Pattern
from otel_llmops.semconv import CONTENT, Place, event

__all__ = [
    "BODY",
    "PRESETS",
    "STATUS_MESSAGE",
    "Action",
    "KeyMatcher",
    "KeyRule",
    "Rules",
    "ValueRule",
    "key_hint",
    "mask_of",
    "rules",
]


class Action(StrEnum):
    """What becomes of an attribute whose name a rule matches."""

    MASK = "mask"
    DROP = "drop"


def mask_of(name: str) -> str:
    """What stands in place of what the rule `name` masked."""
    return f"[redacted:{name}]"


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Attributes at one of `places` (globs), whatever their value."""

    name: str
    places: tuple[Place, ...]
    action: Action = Action.MASK


@dataclass(frozen=True, slots=True)
class ValueRule:
    """Texts, or parts of them, that look like `pattern`; `hinted`: its `search` can be trusted."""

    name: str
    pattern: Pattern
    hinted: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, in the order in which they are tried; the first that fits a name counts.

    `mask_bytes`: byte values, which no rule looks into, are masked, too.
    """

    keys: tuple[KeyRule, ...] = ()
    values: tuple[ValueRule, ...] = ()
    mask_bytes: bool = False

    def __bool__(self) -> bool:
        return bool(self.keys or self.values or self.mask_bytes)


_SECRET_NAMES = (
    "*authorization", "*.header.cookie", "*.header.set-cookie", "*api[_-]key", "*apikey",
    "*password", "*passwd", "*secret", "*secret[_-]key", "*access[_-]key", "*access[_-]token",
    "*auth[_-]token", "*private[_-]key", "*credential", "*credentials",
)  # fmt: skip

_SECRETS = ("private_key", "jwt", "api_key", "bearer", "basic", "url_password")
_PII = ("email", "iban", "card")

PRESETS: Mapping[str, str] = {
    "secrets": "keys of the usual providers, tokens, passwords in URLs, attributes named so",
    "pii": "e-mail addresses, card numbers, IBANs",
    "content": "everything that was said: prompts, answers, arguments and results of tools",
}
"""Presets -> what they cover. A built-in pattern (`phone`, `email`, ...) may be named alone."""

_RULE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_GLOB_PART = re.compile(r"\[[^\]]+\]|.", re.DOTALL)
_RULE_KEYS = {"name", "keys", "event", "values", "action"}


def rules(presets: Iterable[str], document: str = "", *, source: str = "the rules") -> Rules:
    """The rules of `presets`, after those of `document` (TOML, see docs/redaction.md).

    Raises: ConfigError, in one line that names every problem; `source` is what it calls the
            document.
    """
    problems: list[str] = []
    own = _own(_parsed(document, source), problems)
    keys = list(own.keys)
    names: list[str] = []
    for preset in presets:
        match preset:
            case "secrets":
                keys.append(KeyRule("secret", tuple(map(Place, _SECRET_NAMES))))
                names += _SECRETS
            case "pii":
                names += _PII
            case "content":
                keys.append(KeyRule("content", CONTENT, Action.DROP))
            case name if name in BUILT_IN:
                names.append(name)
            case _:
                known = ", ".join([*PRESETS, *BUILT_IN])
                problems.append(f"{preset!r} is no preset; there are {known}")
    built_in = [ValueRule(name, BUILT_IN[name]) for name in BUILT_IN if name in names]
    found = Rules(tuple(keys), (*own.values, *built_in), own.mask_bytes)
    problems += _self_matching(found)
    if problems:
        raise ConfigError(f"{source}: {'; '.join(problems)}")
    return found


def _parsed(document: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from error


def _own(document: Mapping[str, Any], problems: list[str]) -> Rules:
    unknown = sorted(document.keys() - {"rule", "bytes"})
    problems += [f"there is no setting {name!r}" for name in unknown]
    bytes_value = document.get("bytes", "keep")
    if bytes_value not in {"keep", "mask"}:
        problems.append(f"bytes must be 'keep' or 'mask', not {bytes_value!r}")
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append("rules are written as [[rule]] tables")
        tables = []
    keys: list[KeyRule] = []
    values: list[ValueRule] = []
    for number, table in enumerate(tables, 1):
        label = f"rule {table.get('name', number)}"
        faults = _faults(table)
        problems += [f"{label}: {fault}" for fault in faults]
        if faults:
            continue
        if "values" in table:
            core = "|".join(f"(?:{pattern})" for pattern in table["values"])
            values.append(ValueRule(table["name"], Pattern(core), hinted=False))
        else:
            keys.append(_key_rule(table))
    return Rules(tuple(keys), tuple(values), bytes_value == "mask")


def _key_rule(table: Mapping[str, Any]) -> KeyRule:
    event_glob = table.get("event", "")
    place: Callable[[str], Place] = (lambda key: event(event_glob, key)) if event_glob else Place
    action = Action(table.get("action", Action.MASK))
    return KeyRule(table["name"], tuple(map(place, table["keys"])), action)


def _faults(table: Mapping[str, Any]) -> list[str]:
    faults = [f"there is no setting {key!r}" for key in sorted(table.keys() - _RULE_KEYS)]
    name = table.get("name")
    if not isinstance(name, str) or not _RULE_NAME.fullmatch(name):
        faults.append("needs a name of a-z, 0-9, _ and -")
    if ("keys" in table) == ("values" in table):
        faults.append("needs either keys or values")
    for key in ("keys", "values"):
        if key in table and not _are_texts(table[key]):
            faults.append(f"{key} must be a list of texts, none empty")
            return faults
    if table.get("action", "mask") not in set(Action):
        faults.append(f"action must be 'mask' or 'drop', not {table['action']!r}")
    if "values" in table and {"action", "event"} & table.keys():
        faults.append("action and event go with keys")
    if not isinstance(table.get("event", ""), str):
        faults.append("event must be a text")
    faults += [fault for pattern in table.get("values", ()) if (fault := _pattern_fault(pattern))]
    return faults


def _are_texts(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, str) and item for item in value)
    )


def _pattern_fault(pattern: str) -> str:
    try:
        matches_nothing = pc.match_substring_regex(pa.array([""]), pattern)[0].as_py()
    except pa.ArrowInvalid as error:
        return f"{pattern!r} is not RE2: {str(error).removeprefix('Invalid regular expression: ')}"
    return f"{pattern!r} matches the empty text" if matches_nothing else ""


def _self_matching(found: Rules) -> list[str]:
    """A rule that matches a mask would mask it again each time the same request came."""
    names = {rule.name for rule in found.keys} | {rule.name for rule in found.values} | {"bytes"}
    masks = pa.array([mask_of(name) for name in sorted(names)])
    return [
        f"rule {rule.name}: its pattern matches what stands for masked text, {hit}"
        for rule in found.values
        if not rule.hinted
        for hit in masks.filter(pc.match_substring_regex(masks, rule.pattern.core)).to_pylist()[:1]
    ]


class KeyMatcher:
    """Which rule an attribute's name falls under; remembers what it was asked."""

    def __init__(self, key_rules: Sequence[KeyRule]) -> None:
        self._plain = _compiled(key_rules, in_events=False)
        self._in_events = _compiled(key_rules, in_events=True)
        self._known: dict[bytes, KeyRule | None] = {}

    def rule(self, key: bytes, events: Sequence[bytes] = ()) -> KeyRule | None:
        """The rule for an attribute `key` of an event, or log record, that is called `events`."""
        try:
            found = self._known[key]
        except KeyError:
            found = self._remembered(key)
        if found is not None or not events or not self._in_events:
            return found
        return next(
            (
                rule
                for rule, event_glob, glob in self._in_events
                if glob.match(key) and any(event_glob.match(name) for name in events)
            ),
            None,
        )

    @property
    def minds_events(self) -> bool:
        """Whether any rule goes by the name of an event."""
        return bool(self._in_events)

    def _remembered(self, key: bytes) -> KeyRule | None:
        found = next((rule for rule, _, glob in self._plain if glob.match(key)), None)
        if len(self._known) >= _KNOWN_MAX:  # senders choose the keys
            self._known = {}
        if len(key) <= _KNOWN_BYTES_MAX:
            self._known[key] = found
        return found


STATUS_MESSAGE, BODY = b"status.message", b"body"
"""The names by which rules know what is text of a span or log record, but no attribute."""

_STATUS_HINT = r"[\x7a\xfa]|status"
"""The tag of a span's status, as protobuf may write it, and its name in JSON."""

_KNOWN_MAX = 10_000
_KNOWN_BYTES_MAX = 200
_Glob = re.Pattern[bytes]


def _compiled(
    key_rules: Sequence[KeyRule], *, in_events: bool
) -> list[tuple[KeyRule, _Glob, _Glob]]:
    return [
        (rule, _glob(place.event), _glob(place.attribute))
        for rule in key_rules
        for place in rule.places
        if bool(place.event) == in_events
    ]


def _glob(text: str) -> _Glob:
    # bytes: letters in any case are ASCII ones, as in `key_hint`
    return re.compile(translate(text).encode(), re.IGNORECASE)


def key_hint(place: Place) -> str:
    """RE2 over raw bytes that matches wherever an attribute at `place` may be; "" is anywhere."""
    longest = max((place.event or place.attribute).split("*"), key=len)
    glob = _glob(place.attribute)
    if not longest or not longest.isascii() or (not place.event and glob.match(BODY)):
        return ""
    hint = f"(?i:{''.join(_hint_part(part) for part in _GLOB_PART.findall(longest))})"
    is_status = not place.event and glob.match(STATUS_MESSAGE)
    return f"{hint}|{_STATUS_HINT}" if is_status else hint


def _hint_part(part: str) -> str:
    """A character or a class of a glob in RE2."""
    if part == "?":
        return r"[\x00-\xff]+"  # a character may be several bytes
    if len(part) > 1:
        return f"[^{part[2:]}" if part[1] == "!" else part
    return part if part.isalnum() else f"\\{part}"
