"""Rules made ready to match, the same for both encodings."""

from otel_llmops.redaction.rules import KeyMatcher, Rules, key_hint
from otel_llmops.redaction.texts import TextMasking, hint_of

__all__ = ["NOTHING", "Matching"]

NOTHING = r"[^\x00-\xff]"
"""RE2 over raw bytes that matches nowhere."""


class Matching:
    """`keys` by name, `texts` by look (None without value rules).

    `key_hint`, `text_hint`: RE2 over raw bytes that matches wherever a rule of the kind may find
    something; "" if none can say. `NOTHING`, where there is no rule of the kind.
    """

    def __init__(self, rules: Rules) -> None:
        self.keys = KeyMatcher(rules.keys)
        self.texts = TextMasking(rules.values) if rules.values else None
        self.mask_bytes = rules.mask_bytes
        self.key_hint = "" if rules.mask_bytes else _key_hint(rules)
        self.text_hint = self.texts.hint if self.texts else NOTHING


def _key_hint(rules: Rules) -> str:
    hints = {key_hint(place) for rule in rules.keys for place in rule.places}
    return "" if "" in hints else hint_of(sorted(hints)) or NOTHING
