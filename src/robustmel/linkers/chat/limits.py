"""Limits on what calls of models may cost."""

from dataclasses import dataclass

from robustmel.errors import RobustMELError
from robustmel.linkers.chat.kept_replies import KeptReplies


@dataclass(frozen=True)
class Limits:
    """What all calls that one file of replies counts may cost together; None sets no limit.

    Args:
        max_calls: How many there may be.
        max_total_tokens: How many tokens may be read and written.
        max_cost: How much money, in the currency of the prices.
        price_read: Of a million tokens read.
        price_written: Of a million tokens written.
    """

    max_calls: int | None = None
    max_total_tokens: int | None = None
    max_cost: float | None = None
    price_read: float = 0.0
    price_written: float = 0.0

    def check(self, kept: KeptReplies) -> None:
        """Raises RobustMELError where no more tokens or money may be spent; calls are counted where they are written down."""
        if self.max_total_tokens is None and self.max_cost is None:
            return  # what was spent is the sum over all replies, which takes the longer the more there are
        spent = kept.spent()
        tokens, cost = spent.tokens_read + spent.tokens_written, spent.cost(self.price_read, self.price_written)
        if self.max_total_tokens is not None and tokens >= self.max_total_tokens:
            raise RobustMELError(
                f"{tokens} tokens were read and written, and max_total_tokens = {self.max_total_tokens}; raise it, and the same command goes on."
            )
        if self.max_cost is not None and cost >= self.max_cost:
            raise RobustMELError(
                f"{cost:.4g} was spent, and max_cost = {self.max_cost:g}; raise it, and the same command goes on."
            )
