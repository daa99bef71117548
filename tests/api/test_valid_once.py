"""What was found valid is not validated again, and what was refused is refused again."""

from typing import Any

import pytest
import strawberry
from graphql import ValidationRule
from strawberry.extensions import AddValidationRules, QueryDepthLimiter

from otel_llmops.api.graphql.valid_once import ValidOnce, ValidTexts


@strawberry.type
class Query:
    """A number, and itself."""

    @strawberry.field
    def same(self, number: int = 1) -> int:
        return number

    @strawberry.field
    def itself(self) -> "Query":
        return Query()


class Counted:
    """A schema that counts how often it validates."""

    def __init__(self) -> None:
        self.validations = 0
        self.valid = ValidTexts()

        class Counting(ValidationRule):
            def __init__(rule, context: Any) -> None:  # noqa: N805 - self is the count
                super().__init__(context)
                self.validations += 1

        self.schema = strawberry.Schema(
            Query,
            extensions=[
                lambda: AddValidationRules([Counting]),
                lambda: QueryDepthLimiter(max_depth=3),
                lambda: ValidOnce(self.valid),
            ],
        )

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.schema.execute_sync(query, variable_values=variables)
        return answer.data if answer.errors is None else [str(each) for each in answer.errors]


def test_a_text_is_validated_once_whatever_its_variables_are() -> None:
    counted = Counted()
    query = "query($n: Int!) { same(number: $n) }"
    assert [counted.ask(query, n=n) for n in (1, 2, 3)] == [{"same": n} for n in (1, 2, 3)]
    assert counted.validations == 1
    assert "cannot represent non-integer value: 'x'" in counted.ask(query, n="x")[0]
    assert counted.ask("{ same }") == {"same": 1}
    assert counted.validations == 2


@pytest.mark.parametrize(
    "query", ["{ other }", "{ itself { itself { itself { itself { same } } } } }"]
)
def test_what_is_refused_is_refused_again(query: str) -> None:
    counted = Counted()
    first, again = counted.ask(query), counted.ask(query)
    assert first == again
    assert isinstance(first, list)
    assert (counted.validations, len(counted.valid)) == (2, 0)


def test_few_texts_are_kept_and_none_that_is_long() -> None:
    valid = ValidTexts()
    for number in range(300):
        valid.add(str(number))
        valid.add("often")
    valid.add("x" * 4_001)
    assert len(valid) == 200
    assert "often" in valid
    assert "299" in valid
    assert "100" not in valid
