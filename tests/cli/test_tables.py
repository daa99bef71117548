import io

import pytest
from rich.console import Console, RenderableType

from otel_llmops.cli import tables
from otel_llmops.cli.tables import AgentRow, FunctionRow, HandoffRow


def _console(*, encoding: str = "utf-8", width: int = 80) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    return Console(file=file, width=width, color_system=None)


def _lines(shown: RenderableType, console: Console) -> list[str]:
    with console.capture() as capture:
        console.print(shown)
    lines = [line.rstrip() for line in capture.get().splitlines()]
    return [line for line in lines if set(line) != {"─"}]


def _handoff(session: str, to_agent: str) -> HandoffRow:
    return HandoffRow(
        session=session,
        from_agent="triage",
        to_agent=to_agent,
        kind="fan_out",
        quality=0.5,
        confidence=0.95,
        evidence=["parent_child", "time"],
    )


def test_agents_come_with_their_share_of_all_tokens() -> None:
    rows = [
        AgentRow("writer", "", 1, input_tokens=200, output_tokens=50, errors=0),
        AgentRow("triage", "", 1_000, input_tokens=700, output_tokens=50, errors=0),
    ]
    console = _console()
    assert _lines(tables.agents(rows, console), console) == [
        "Agents",
        "agent   calls  input  output  tokens  share",
        "triage  1,000    700      50     750  ━━━━──  75%",
        "writer      1    200      50     250  ━━────  25%",
    ]


def test_what_an_agent_is_and_its_errors_are_shown_where_there_are_any() -> None:
    rows = [AgentRow("triage", "router", 0, input_tokens=0, output_tokens=0, errors=2)]
    console = _console()
    assert _lines(tables.agents(rows, console), console) == [
        "Agents",
        "agent   what    calls  input  output  tokens  share        errors",
        "triage  router      0      0       0       0  ──────   0%       2",
    ]


def test_a_session_is_named_once() -> None:
    rows = [_handoff("one", "a"), _handoff("one", "b"), _handoff("two", "a")]
    console = _console()
    assert _lines(tables.handoffs(rows, console), console) == [
        "Handoffs",
        "session  handoff     kind     quality  confidence  evidence",
        "one      triage → a  fan out     0.50        0.95  parent child, time",
        "         triage → b  fan out     0.50        0.95  parent child, time",
        "",
        "two      triage → a  fan out     0.50        0.95  parent child, time",
    ]


def test_one_session_needs_no_column() -> None:
    console = _console()
    shown = _lines(tables.handoffs([_handoff("one", "a")], console), console)
    assert shown[1] == "handoff     kind     quality  confidence  evidence"


def test_a_terminal_without_unicode_gets_ascii() -> None:
    console = _console(encoding="ascii")
    shown = "\n".join(
        _lines(tables.handoffs([_handoff("one", "a")], console), console)
        + _lines(tables.agents([AgentRow("a", "", 1, 1, 1)], console), console)
        + _lines(tables.summary([(1, "session"), (1, "agent")], console), console)
    )
    assert ("triage -> a" in shown, "###### 100%" in shown, shown.isascii()) == (True, True, True)


def test_functions_come_with_tokens_a_call() -> None:
    rows = [FunctionRow("desk.draft", "desk.py", 4, input_tokens=300, output_tokens=100)]
    console = _console()
    assert _lines(tables.functions(rows, console), console) == [
        "Tokens by function",
        "function    where    calls  a call  tokens  share",
        "desk.draft  desk.py      4     100     400  ━━━━━━ 100%",
    ]


def test_span_text_is_neither_markup_nor_a_command_to_the_terminal() -> None:
    rows = [AgentRow("[bold]\x1b[2J", "", 1, 1, 1)]
    console = _console()
    assert "[bold]�[2J" in "\n".join(_lines(tables.agents(rows, console), console))


def test_a_summary_counts_in_the_singular_and_the_plural() -> None:
    console = _console()
    line = tables.summary([(1, "session"), (2_000, "token"), (0, "error")], console)
    assert _lines(line, console) == ["1 session · 2,000 tokens · 0 errors"]


def test_names_stay_whole_while_what_stands_beside_them_can_wrap() -> None:
    rows = [
        HandoffRow(
            session=session,
            from_agent="triage",
            to_agent="tech_support",
            kind="delegation",
            quality=1.0,
            confidence=0.95,
            evidence=["handoff_tool", "sibling_order"],
        )
        for session in ("ticket-101", "a-session-of-a-long-id")
    ]
    console = _console()
    assert _lines(tables.handoffs(rows, console), console) == [
        "Handoffs",
        "session     handoff                kind        quality  conf.  evidence",
        "ticket-101  triage → tech_support  delegation     1.00   0.95  handoff tool,",
        "                                                               sibling order",
        "",
        "a-session…  triage → tech_support  delegation     1.00   0.95  handoff tool,",
        "                                                               sibling order",
    ]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_name_of_any_length_is_never_cut(width: int) -> None:
    name = "".join(f"{place}." for place in range(60))
    console = _console(width=width)
    agents = tables.agents([AgentRow(name, "answers the phone", 1_234, 98_765, 4_321, 3)], console)
    functions = tables.functions([FunctionRow(name, "desk.py", 1_234, 98_765, 4_321)], console)
    handoffs = tables.handoffs([_handoff("one", name)], console)
    for shown in (agents, functions, handoffs):
        lines = _lines(shown, console)
        assert "".join(_column(lines, lines[1])) == name


def _column(lines: list[str], header: str) -> list[str]:
    """What stands below the first word of `header`, without the arrow and what is before it."""
    starts = [at for at, sign in enumerate(header) if sign != " " and header[at - 2 : at] == "  "]
    cells = [line[: starts[0]].strip() for line in lines[2:]]
    return [cell.removeprefix("triage →").strip() for cell in cells]


def test_costs_are_shown_where_any_is_known_and_bars_where_there_is_room() -> None:
    rows = [
        AgentRow("writer", "", 1, input_tokens=200, output_tokens=50, cost_usd=0.0123),
        AgentRow("triage", "", 1, input_tokens=50, output_tokens=0),
    ]
    narrow, wide = (_console(width=width) for width in (80, 120))
    assert _lines(tables.agents(rows, narrow), narrow)[2:] == [
        "writer      1    200      50     250    83%  $0.012",
        "triage      1     50       0      50    17%       ?",
    ]
    assert _lines(tables.agents(rows, wide), wide)[2:] == [
        "writer      1    200      50     250  ━━━━━─  83%  $0.012",
        "triage      1     50       0      50  ━─────  17%       ?",
    ]
