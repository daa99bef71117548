"""Where tokens burn: the ranking, and each pattern just where its evidence is enough."""

from dataclasses import replace

import pytest

from otel_llmops.topology.hotspots import EdgeUse, FunctionUse, hotspots, module_of

PLAIN = FunctionUse(
    "shop.desk.ask",
    "shop.desk",
    "triage",
    sessions=10,
    calls=20,
    llm_calls=20,
    input_tokens=20_000,
    output_tokens=6_000,
)


def _patterns(*uses: FunctionUse) -> dict[str, list[str]]:
    found = hotspots(uses, [], tokens=sum(use.tokens for use in uses))
    return {
        each.name: [finding.pattern for finding in each.findings] for each in found if each.findings
    }


def test_components_come_most_tokens_first_with_their_share() -> None:
    small = FunctionUse("shop.model.chat", "shop.model", "", calls=1, input_tokens=100)
    other = replace(PLAIN, agent="writer", calls=4)
    edges = [EdgeUse("shop.desk.ask", "shop.model.chat", 3, 100)]
    found = hotspots([PLAIN, other, small], edges, tokens=52_100)
    assert [(each.kind, each.name, each.tokens, each.calls) for each in found] == [
        ("function", "shop.desk.ask", 52_000, 24),
        ("module", "shop.desk", 52_000, 24),
        ("function", "shop.model.chat", 100, 1),
        ("module", "shop.model", 100, 1),
        ("call", "shop.desk.ask -> shop.model.chat", 100, 3),
    ]
    assert found[0].share == 52_000 / 52_100


def test_what_is_ordinary_is_no_finding() -> None:
    assert _patterns(PLAIN, replace(PLAIN, name="shop.desk.other")) == {}


@pytest.mark.parametrize(
    ("calls", "others", "found"),
    [(80, 20, True), (79, 21, False), (16, 4, True), (15, 4, False), (100, 0, False)],
)
def test_a_function_that_makes_most_calls_of_its_agent(
    calls: int, others: int, *, found: bool
) -> None:
    uses = [
        replace(PLAIN, llm_calls=calls),
        replace(PLAIN, name="shop.desk.other", llm_calls=others),
        replace(PLAIN, name="shop.desk.else", agent="writer", llm_calls=50),
        replace(PLAIN, name="shop.desk.none", agent="", sessions=5_000, llm_calls=5_000),
    ]
    wanted = {"shop.desk.ask": ["most_calls_of_an_agent"]} if found else {}
    assert _patterns(*uses) == wanted


@pytest.mark.parametrize(
    ("steps", "rises", "growth", "found"),
    [
        (10, 8, 400, True),
        (10, 7, 400, False),
        (9, 9, 900, False),
        (10, 8, 399, False),
    ],
)
def test_a_prompt_that_grows_along_a_loop(
    steps: int, rises: int, growth: int, *, found: bool
) -> None:
    use = replace(PLAIN, loop_steps=steps, loop_rises=rises, loop_growth_tokens=growth)
    assert _patterns(use) == ({"shop.desk.ask": ["growing_prompt"]} if found else {})


@pytest.mark.parametrize(
    ("calls", "sessions", "tokens", "found"),
    [(40, 2, 20_000, True), (39, 2, 10_000, False), (40, 2, 20_040, False), (19, 1, 100, False)],
)
def test_a_cheap_function_that_is_called_too_often(
    calls: int, sessions: int, tokens: int, *, found: bool
) -> None:
    use = replace(PLAIN, llm_calls=calls, sessions=sessions, input_tokens=tokens, output_tokens=0)
    assert _patterns(use) == ({"shop.desk.ask": ["cheap_call_too_often"]} if found else {})


@pytest.mark.parametrize(
    ("prompt", "answer", "found"), [(2_000, 40, True), (2_000, 41, False), (1_999, 1, False)]
)
def test_a_large_prompt_for_a_small_answer(prompt: int, answer: int, *, found: bool) -> None:
    use = replace(PLAIN, input_tokens=20 * prompt, output_tokens=20 * answer)
    assert _patterns(use) == ({"shop.desk.ask": ["large_prompt_small_answer"]} if found else {})


@pytest.mark.parametrize(
    ("rises", "repeated", "read", "found"),
    [
        (10, 10_240, 1_024, True),
        (10, 10_240, 1_025, False),
        (9, 10_240, 0, False),
        (10, 10_230, 0, False),
    ],
)
def test_prompts_that_no_cache_remembers(
    rises: int, repeated: int, read: int, *, found: bool
) -> None:
    use = replace(
        PLAIN, loop_steps=100, loop_rises=rises, repeated_tokens=repeated, cache_read_tokens=read
    )
    assert _patterns(use) == ({"shop.desk.ask": ["missed_cache_reads"]} if found else {})


def test_a_finding_says_what_it_saw_and_what_to_do() -> None:
    use = replace(PLAIN, loop_steps=12, loop_rises=11, loop_growth_tokens=3_300)
    (function, _) = hotspots([use], [], tokens=use.tokens)
    (finding,) = function.findings
    assert finding.recommendation == (
        "Its prompt grew in 11 of 12 repeated calls, by 300 tokens a step: it carries its history "
        "along. Send a summary of it, or only the last turns."
    )
    assert finding.figures == {"loop_steps": 12, "loop_rises": 11, "growth_tokens_a_step": 300.0}


def test_findings_of_all_agents_of_a_function_are_one() -> None:
    half = replace(PLAIN, loop_steps=5, loop_rises=5, loop_growth_tokens=500)
    assert _patterns(half, replace(half, agent="writer")) == {"shop.desk.ask": ["growing_prompt"]}


@pytest.mark.parametrize(
    ("function", "file", "module"),
    [
        ("shop.desk.Desk.ask", "/app/src/shop/desk.py", "shop.desk"),
        ("shop.make", "/app/src/shop/__init__.py", "shop"),
        ("desk.desk", "desk.py", "desk"),
        ("__main__.run", "/app/main.py", "/app/main.py"),
        ("shop.desk.ask", "C:\\shop\\desk.py", "shop.desk"),
        ("run", "", ""),
    ],
)
def test_the_module_of_a_function(function: str, file: str, module: str) -> None:
    assert module_of(function, file) == module
