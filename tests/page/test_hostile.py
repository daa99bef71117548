"""Names that break pages, in every place of every view: shown as text, and the layout holds."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page

from otel_llmops.page.build import build
from tests.support.busy_day import HOSTILE, hostile_sessions
from tests.support.serving import Serving, serving, until
from tests.support.visiting import Visit, beyond

pytestmark = pytest.mark.timeout(120)

MARKUP, LONG, RIGHT_TO_LEFT, EMOJI, TERMINAL, SCRIPT = HOSTILE
SESSIONS = tuple(name for name in HOSTILE if name != LONG)
"""What sessions are called: an id that is too long is not taken, its session has its trace's."""
HEBREW = "\u05d7\u05d9\u05d9\u05dd"
SOURCE = f'''\
def first():
    """{MARKUP} {TERMINAL} {RIGHT_TO_LEFT}"""
    return {LONG}()


@mark({MARKUP!r})
def {LONG}():
    return {HEBREW}()


def {HEBREW}():
    return 1
'''
AGENT_MAX = 256
"""Characters of an agent's name that are kept."""
SHOWN_LEAST = 10
"""Characters of a name that are seen wherever it is cut."""
UNSEEN = r"[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
RAW = """unseen => {
  const bad = new RegExp(unseen);
  const said = [document.title];
  for (const element of document.querySelectorAll("body, body *")) {
    for (const name of ["title", "aria-label"]) said.push(element.getAttribute(name) ?? "");
    for (const node of element.childNodes) said.push(node.nodeValue ?? "");
  }
  return said.filter(text => bad.test(text));
}"""


def _part(text: str) -> str:
    return quote(text, safe="")


def _agent(name: str) -> str:
    return _part(name[:AGENT_MAX])


def _place(
    view: str, *names: tuple[str, tuple[str, ...]]
) -> tuple[str, dict[str, tuple[str, ...]]]:
    return view, dict(names)


PLACES = (
    _place(
        "overview",
        ("Agents by tokens", HOSTILE),
        ("Newest sessions", SESSIONS),
        ("What holds sessions up", (MARKUP, LONG)),
    ),
    _place("agents", ("Handoffs by pair", HOSTILE), ("All agents", HOSTILE)),
    _place(
        f"agents?from={_agent(MARKUP)}&to={_agent(LONG)}",
        ("Chosen", (MARKUP, LONG)),
        ("Handoffs", SESSIONS),
    ),
    _place(f"agents?from={_agent(TERMINAL)}&to={_agent(SCRIPT)}", ("Chosen", (TERMINAL, SCRIPT))),
    *(_place(f"agents?agent={_agent(name)}", ("Chosen", (name, *HOSTILE))) for name in HOSTILE),
    _place(f"agents?session={_part(RIGHT_TO_LEFT)}", ("All agents", HOSTILE)),
    _place("sessions", ("Sessions", SESSIONS)),
    _place(f"sessions?agent={_part(RIGHT_TO_LEFT)}", ("Sessions", (*SESSIONS, RIGHT_TO_LEFT))),
    *(
        _place(
            f"session/{_part(name)}",
            ("Timeline", HOSTILE),
            ("What held it up", (name,)),
            ("Handoffs", HOSTILE),
            ("Context drift", HOSTILE),
            ("Tokens by agent and model", HOSTILE),
            ("Token ledger", HOSTILE),
        )
        for name in SESSIONS
    ),
    _place("code", ("Hotspots", HOSTILE), ("Functions by tokens", HOSTILE), ("Modules", (MARKUP,))),
    *(
        _place(f"code?function={_part(f'evil.{name}')}", ("Chosen function", (name,)))
        for name in HOSTILE
    ),
    _place(f"code?function={_part(f'{MARKUP}.{LONG}')}", ("Chosen function", (MARKUP, LONG))),
    _place(f"code?module={_part(MARKUP)}", ("Chosen module", (MARKUP, LONG, HEBREW))),
    _place("bottlenecks", ("Bottlenecks", HOSTILE)),
    _place("coalitions", ("Teams", (*SESSIONS, LONG))),
    *(_place(f"coalitions?task={_part(name)}", ("Teams", (name,))) for name in SESSIONS),
    _place("health"),
)
"""View -> region -> whose names stand in it."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    build()
    repository = tmp_path_factory.mktemp("repository")
    (repository / f"{MARKUP}.py").write_text(SOURCE)
    with serving(tmp_path_factory.mktemp("hostile")) as running:
        for request in hostile_sessions(datetime.now(UTC)):
            answer = running.post(request, content_type="application/x-protobuf")
            assert answer.status_code == 200, answer.text
        from otel_llmops.cli import main  # noqa: PLC0415 - heavy, and of this fixture alone

        url = f"http://127.0.0.1:{running.api_port}"
        assert main(["scan", str(repository), "--url", url, "--no-cache"]) == 0
        until(
            lambda: (
                len(running.graphql("{ coalitions(limit: 9) { agents } }")["coalitions"])
                == len(HOSTILE)
            ),
            what="the sessions are analysed",
        )
        yield running


def _seen(name: str) -> str:
    """The beginning of a name as the page writes it."""
    return re.sub(
        UNSEEN,
        lambda sign: chr(0x2400 + ord(sign[0])) if sign[0] < " " else "\u2421",
        name,
    )[:SHOWN_LEAST]


def _missing(page: Page, region: str, names: tuple[str, ...]) -> list[str]:
    place: Locator = page.locator(f'main [aria-label="{region}"]').first
    if not place.count():
        return ["no such region"]
    text = place.text_content() or ""
    return [_seen(name) for name in names if _seen(name) not in text]


@pytest.mark.parametrize("width", [400, 1280])
def test_hostile_names_are_text_in_every_view(
    served: Serving, browser: Browser, width: int
) -> None:
    visit = Visit(browser, f"http://127.0.0.1:{served.api_port}", width=width)
    page = visit.page
    wrong: dict[str, object] = {}
    for view, regions in PLACES:
        visit.open(view)
        missing = {
            region: gone
            for region, names in regions.items()
            if (gone := _missing(page, region, names))
        }
        elements = page.locator("main :is(img, script, iframe)").count()
        found = (missing, elements, beyond(page), page.evaluate(RAW, UNSEEN))
        wrong |= {view[:60]: found} if found != ({}, 0, 0, []) else {}
    visit.close()
    assert wrong == {}
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("stretch", "told", "least"),
    [
        (".timeline .stretch.llm", ".said blockquote", 2),  # the prompt, and the answer
        (".timeline .stretch.failed", ".failure", 1),  # the class of the error, and what it says
    ],
    ids=["prompts and answers", "errors"],
)
def test_hostile_texts_of_a_span_are_text(
    served: Serving, browser: Browser, stretch: str, told: str, least: int
) -> None:
    visit = Visit(browser, f"http://127.0.0.1:{served.api_port}", width=400)
    page = visit.open(f"session/{_part(MARKUP)}")
    for place, name in enumerate(HOSTILE):
        page.locator(stretch).nth(place).focus()
        page.keyboard.press("Enter")
        texts = page.locator(told, has_text=_seen(name))
        texts.nth(least - 1).wait_for()
        assert "".join(texts.all_text_contents()).count(_seen(name)) >= 2
        assert _missing(page, "Chosen span", (name,)) == []
        assert (beyond(page), page.evaluate(RAW, UNSEEN)) == (0, [])
    visit.close()
    assert visit.complaints == []
