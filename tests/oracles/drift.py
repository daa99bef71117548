"""What drift compares, word by word with dictionaries; English words and numbers alone."""

import re

_WEIGHTS = {"digit": 0.5, "word": 1.0, "long": 1.5, "name": 2.5, "fact": 4.0}
_DOUBT = 2.0


def terms(text: str, little: str) -> dict[str, float]:
    """Terms and their weights, the highest of each; `little` are words that say little."""
    stems = {word[:6] for word in little.split()}
    found: dict[str, float] = {}
    for match in re.finditer(r"[A-Za-z0-9_]+", text):
        term, kind = _term(text, match.start(), match[0], stems)
        if kind:
            found[term] = max(found.get(term, 0.0), _WEIGHTS[kind])
    return found


def _term(text: str, start: int, word: str, little: set[str]) -> tuple[str, str]:
    lower = word.lower()
    if re.search(r"[0-9]", word[:16]):
        return f"{lower[:16]} {len(word)}", "fact" if len(word) > 1 else "digit"
    midway = text[start - 1 : start] == " " and re.match(r"[A-Za-z0-9_,]", text[start - 2 : start])
    if midway and start > 1 and word[0].isupper() and len(word) > 1:
        return lower[:6], "name"
    if len(word) <= 3 or lower[:6] in little:
        return lower[:6], ""
    return lower[:6], "long" if len(word) >= 8 else "word"


def share(wanted: str, *within: str, little: str) -> float | None:
    """How much of one text is in others."""
    asked = terms(wanted, little)
    known = {term for text in within for term in terms(text, little)}
    facts = {term: weight for term, weight in asked.items() if weight >= 2}
    words = {term: weight for term, weight in asked.items() if weight < 2}
    shares = [_part(each, known) for each in (facts, words)]
    enough = None if shares[1] is None else min(shares[1] * 1.5, 1.0)
    if shares[0] is None and enough is None:
        return None
    if shares[0] is None or enough is None:
        both = shares[0] if enough is None else enough
    else:
        both = 0.75 * shares[0] + 0.25 * enough
    whole = sum(asked.values())
    assert both is not None
    return (both * whole + _DOUBT) / (whole + _DOUBT)


def _part(asked: dict[str, float], known: set[str]) -> float | None:
    if not asked:
        return None
    return sum(weight for term, weight in asked.items() if term in known) / sum(asked.values())
