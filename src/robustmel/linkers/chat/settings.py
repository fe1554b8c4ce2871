"""Parameters of linkers behind an endpoint, looked at before anything is asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from robustmel.errors import UsageError
from robustmel.linkers.chat.kept_replies import KeptReplies
from robustmel.linkers.token_estimate import image_tokens, text_tokens
from robustmel.types import Query, Task, Usage

UNKEYED = (
    "key_variable",
    "in_flight",
    "deadline",
    "replies",
    "max_calls",
    "price_read",
    "price_written",
    "max_cost",
    "max_total_tokens",
)
"""What changes no answer."""

LEAST = {
    "max_tokens": 1, "max_side": 1, "in_flight": 1, "temperature": 0, "price_read": 0, "price_written": 0, "max_calls": 0,
    "max_cost": 0, "max_total_tokens": 0, "top": 2,
}  # fmt: skip
"""The smallest value of each number."""


def check(component: str, parameters: Mapping[str, object]) -> None:
    """Looks at what can be wrong without asking.

    Args:
        component: What asks the endpoint: "linker chat".
        parameters: Its parameters; those that are None set no limit.

    Raises:
        UsageError: One is out of its range.
    """
    numbers = {name: value for name, value in parameters.items() if isinstance(value, (int, float))}
    wrong = [name for name, value in numbers.items() if name in LEAST and not value >= LEAST[name]]
    wrong += [name for name in ("deadline",) if name in numbers and not numbers[name] > 0]
    wrong += ["model"] if parameters.get("model") == "" else []
    if wrong:
        raise UsageError(f"{component}: {wrong[0]} is out of its range.")
    if parameters.get("max_cost") is not None and not numbers.get("price_read", 0) + numbers.get("price_written", 0):
        raise UsageError(f"{component}: max_cost needs price_read and price_written, the prices of a million tokens.")


def expected(replies: str, asked: Sequence[str], queries: Sequence[Query], task: Task, max_side: int, written: int) -> Usage:
    """About what replies cost: each as much as the mean of those that are kept; before there are any, by the length of what is asked.

    Args:
        replies: File of the kept replies.
        asked: Texts of the questions.
        queries: Whose they are, with their images.
        task: What is asked.
        max_side: Longer images are reduced to this many pixels.
        written: Tokens of a reply, at most.
    """
    file = Path(replies).expanduser()
    mean = KeptReplies(file).mean() if file.is_file() else None
    if mean is not None:
        return Usage(len(queries), round(len(queries) * mean[0]), round(len(queries) * mean[1]))
    read = text_tokens(asked) + sum(image_tokens(query, task, max_side) for query in queries)
    return Usage(len(queries), read, len(queries) * written)
