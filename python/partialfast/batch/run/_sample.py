"""What a random sample says about the whole: whether answers are valid, what they cost."""

from __future__ import annotations

from collections.abc import Iterator

from partialfast.batch.loop._meter import Figures
from partialfast.batch.run._figures import duration
from partialfast.batch.run._spending import Prices

__all__ = ["estimate"]


def estimate(
    figures: Figures, *, total: int, concurrency: int, prices: Prices | None
) -> Iterator[str]:
    """Give the lines that say what the whole would be like.

    Args:
        figures: Those of the sample.
        total: How many documents there are in all.
        concurrency: How many are asked about at a time.
        prices: What tokens cost, if that is known.
    """
    asked = figures.done + figures.failed
    if not asked:
        yield "the sample has results from an earlier run already"
        return
    retried = max(0, figures.attempts - asked)
    yield (
        f"sample of {asked:,}: {figures.done / asked:.0%} valid, {retried:,} further attempts, "
        f"{figures.repaired:,} repaired"
    )
    usage, share = figures.usage, total / asked
    read, written = usage.input_tokens / asked, usage.output_tokens / asked
    yield f"tokens a document: {read:,.0f} in, {written:,.0f} out"
    whole = figures.mean_s * total / min(concurrency, total)
    cost = ""
    if prices is not None:
        money = prices.cost(usage.input_tokens * share, usage.output_tokens * share)
        cost = f", {money:,.2f} {prices.currency}".rstrip()
    yield (
        f"all {total:,} documents: about {usage.input_tokens * share:,.0f} tokens in, "
        f"{usage.output_tokens * share:,.0f} out{cost}, {duration(whole)} at "
        f"{concurrency} at a time if the endpoint keeps up"
    )
