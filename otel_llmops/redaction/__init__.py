"""Content out of requests before they reach the journal, by rules that the operator chose; pure.

rules     presets and the operator's own rules (TOML) -> Rules; says what is wrong with them
Redactor  a checked request -> the same without what the rules forbid, and what was counted
"""

from otel_llmops.redaction.redactor import Redacted, Redactor
from otel_llmops.redaction.rules import PRESETS, Rules, rules

__all__ = ["PRESETS", "Redacted", "Redactor", "Rules", "rules"]
