"""Parameters of linkers behind an endpoint, looked at before anything is asked."""

from collections.abc import Mapping

from robustmel.errors import UsageError

UNKEYED = ("key_variable", "in_flight", "deadline", "replies", "max_calls", "price_read", "price_written", "max_cost")
"""What changes no answer."""

LEAST = {"max_tokens": 1, "max_side": 1, "in_flight": 1, "temperature": 0, "price_read": 0, "price_written": 0, "max_calls": 0, "max_cost": 0, "top": 2}  # fmt: skip
"""The smallest value of each number."""


def check(linker: str, parameters: Mapping[str, object]) -> None:
    """Looks at what can be wrong without asking.

    Args:
        linker: Its name.
        parameters: Its parameters; those that are None set no limit.

    Raises:
        UsageError: One is out of its range.
    """
    numbers = {name: value for name, value in parameters.items() if isinstance(value, (int, float))}
    wrong = [name for name, value in numbers.items() if name in LEAST and not value >= LEAST[name]]
    wrong += [name for name in ("deadline",) if name in numbers and not numbers[name] > 0]
    wrong += [] if parameters["model"] else ["model"]
    if wrong:
        raise UsageError(f"linker {linker}: {wrong[0]} is out of its range.")
    if parameters.get("max_cost") is not None and not numbers.get("price_read", 0) + numbers.get("price_written", 0):
        raise UsageError(f"linker {linker}: max_cost needs price_read and price_written, the prices of a million tokens.")
