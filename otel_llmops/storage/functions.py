"""Which function of the user's code spent the tokens."""

import sqlalchemy as sa

from otel_llmops.storage.answers import FunctionTokens
from otel_llmops.storage.seams import Store
from otel_llmops.storage.summaries import NANO_USD, SUMMARIES

__all__ = ["functions_by_tokens"]


async def functions_by_tokens(store: Store, *, limit: int, offset: int) -> list[FunctionTokens]:
    """Functions that called a model, by total tokens (most first), then name and file."""
    summary = SUMMARIES["by_function_day"]
    function = summary.key("function")
    sums = {label.name: label for label in summary.sums}
    total = sums["sum_input_tokens"].element + sums["sum_output_tokens"].element
    statement = (
        summary.select("function", "file")
        .where(function != "")
        .having(sums["sum_llm_calls"].element > 0)
        .order_by(sa.desc(total), function, summary.key("file"))
        .limit(limit)
        .offset(offset)
    )
    return [
        FunctionTokens(
            function=row["function"],
            file=row["file"],
            llm_calls=row["sum_llm_calls"],
            input_tokens=row["sum_input_tokens"],
            output_tokens=row["sum_output_tokens"],
            cost_usd=row["nano_usd"] / NANO_USD if row["priced"] > 0 else None,
        )
        for row in await store.fetch(statement)
    ]
