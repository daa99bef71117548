r"""What secrets and personal data look like: the built-in rules for values, as data.

Strategy: RE2 only, so time is linear in the text. `core` is the thing itself, in ASCII and without
anchors, so that it can also be searched for in raw bytes; `before` is what must stand in front of
it (start of the text, no letter or digit, or an escape of JSON, as in "...\nsk-...") and is kept.

Sources: the providers' own documentation of their key formats, and the rules of gitleaks and of
GitHub's secret scanning, which agree on the prefixes.
"""

import re
from dataclasses import dataclass
from functools import cached_property

__all__ = ["BUILT_IN", "ESCAPED", "Pattern"]

ESCAPED = r"\\(?:[bfnrt]|u[0-9A-Fa-f]{4})"
"""An escape of a JSON document that ends in a letter or digit, which is none of the text's own."""

_REPEATED = re.compile(r"\{(\d+)(?:,\d*)?\}")
_REPEATED_MAX = 12

_APART = rf"(^|[^A-Za-z0-9_]|{ESCAPED})"
_AT_WORD = rf"((?:{ESCAPED})*)"
_BEARER = r"(?i:bearer)(?: |%20|\+|\\t){1,8}"
_BASIC = r"""(?i:authorization)["'\\]{0,8} ?[:=] ?["'\\]{0,8}(?i:basic) """


@dataclass(frozen=True)
class Pattern:
    """One kind of value.

    `before`, `after`: RE2 with one group each, kept. `core`: RE2 without groups or anchors, unless
    there is no `before`. `hint`:
    RE2 over raw bytes (Latin-1) that matches wherever `core` may; "" is `core` itself.
    """

    core: str
    before: str = ""
    hint: str = ""
    after: str = "()"

    @cached_property
    def expression(self) -> str:
        """What is replaced by what `before` matched, the mask, and what `after` matched."""
        return f"{self.before}(?:{self.core}){self.after}" if self.before else self.core

    @property
    def keeps(self) -> bool:
        """Whether anything of what `expression` matches is kept."""
        return bool(self.before)

    @cached_property
    def search(self) -> str:
        """What is looked for first, in raw bytes: with short repetitions, which search faster."""
        return _REPEATED.sub(_shorter, self.hint or self.core)


def _shorter(repeated: re.Match[str]) -> str:
    return f"{{{min(int(repeated[1]), _REPEATED_MAX)},}}"


_PREFIXES = (
    "sk-",  # OpenAI, Anthropic, OpenRouter, DeepSeek, Langfuse
    "[sr]k_(?:live|test)_",  # Stripe
    "AIza", "GOCSPX-", r"ya29\.",  # Google
    "gh[pousr]_", "github_pat_",
    "glpat-",  # GitLab
    "xapp-", "xox[abeoprs]-",  # Slack
    "hf_",  # Hugging Face
    "gsk_",  # Groq
    "xai-",
    "pplx-",  # Perplexity
    "r8_",  # Replicate
    "nvapi-",
    "tvly-",  # Tavily
    "lsv2_(?:pt|sk)_",  # LangSmith
    "pcsk_",  # Pinecone
    "npm_",
    "pypi-",
    r"hvs\.",  # HashiCorp Vault
)  # fmt: skip

_API_KEYS = (
    # one tail for all: what is repeated once is compiled once, for each request anew
    rf"(?:{'|'.join(_PREFIXES)})[A-Za-z0-9_-]{{20,}}",
    r"A[KSBC][IC]A[A-Z0-9]{16}",  # AWS: AKIA, ASIA, ABIA, ACCA
    r"ABSK[A-Za-z0-9+/=]{20,}",  # AWS Bedrock
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"dapi[a-f0-9]{32}",  # Databricks
)

_IN_URL = r"""[^\s/@"'\\<>\[\]]"""
# Latin, Greek and Cyrillic: in scripts without blanks the words around would be taken along
_ABROAD = r"\x{c0}-\x{24f}\x{370}-\x{52f}"
_TLD = rf"(?:xn--[A-Za-z0-9-]+|[A-Za-z{_ABROAD}]{{2,}})"
_IBAN_COUNTRIES = (
    "A[DELTZ]|B[AEGHRY]|C[HRYZ]|D[EKO]|E[EGS]|F[IKOR]|G[BEILRT]|H[RU]|I[ELQST]|JO|K[WZ]|"
    "L[BCITUVY]|M[CDEKRTU]|N[ILO]|OM|P[KLST]|QA|R[OSU]|S[ACDEIKMOTV]|T[LNR]|UA|V[AG]|XK|YE"
)

BUILT_IN: dict[str, Pattern] = {
    "private_key": Pattern(
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        # an attribute may be cut off before the end of the key; to look for the end beyond what a
        # key is made of would take quadratic time
        r"(?:[A-Za-z0-9+/=:,\s]|-[A-Za-z0-9]|\\+[nrt])*(?:-----END [A-Z0-9 ]{0,40}-----)?",
        hint=r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY",
    ),
    "jwt": Pattern(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*", _APART),
    "api_key": Pattern("|".join(_API_KEYS), _APART),
    "bearer": Pattern(r"[A-Za-z0-9._~+/-]{16,}=*", rf"({_BEARER})", "(?i:bearer)"),
    "basic": Pattern(r"[A-Za-z0-9+/]{8,}=*", rf"({_BASIC})", "(?i:basic )"),
    "url_password": Pattern(
        rf"{_IN_URL}+",
        rf"(://{_IN_URL}*?:)",
        rf"://(?:{_IN_URL}|\\+u[0-9A-Fa-f]{{4}})+@",
        "(@)",
    ),
    "email": Pattern(
        rf"[A-Za-z0-9._%+{_ABROAD}-]+(?:@|%40)(?:[A-Za-z0-9{_ABROAD}-]+\.)+{_TLD}",
        _AT_WORD,
        r"[A-Za-z0-9._%+\x80-\xff-](?:@|%40)(?:[A-Za-z0-9\x80-\xff-]|\\+u[0-9A-Fa-f]{4})+\.",
    ),
    "iban": Pattern(
        rf"(?:{_IBAN_COUNTRIES})[0-9]{{2}}(?: ?[A-Z0-9]{{4}}){{2,7}}(?: ?[A-Z0-9]{{1,3}})?",
        _APART,
        r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4}",
    ),
    "card": Pattern(r"[0-9](?:[ -]?[0-9]){11}"),
    "phone": Pattern(
        r"\+[0-9](?:[ ().-]{0,2}[0-9]){7,14}"
        r"|\([0-9]{3}\) ?[0-9]{3}[ .-][0-9]{4}"
        r"|[0-9]{3}[ .-][0-9]{3}[ .-][0-9]{4}",
        _APART,
    ),
}
"""Name -> what it looks like, in the order in which they are looked for.

Of what looks like a card only what passes Luhn's check is masked (`cards.py`)."""
