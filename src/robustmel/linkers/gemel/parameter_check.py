"""What GEMEL's parameters may be, checked before anything is loaded."""

from typing import Any

from robustmel.errors import UsageError
from robustmel.linkers.gemel.demos import check_choice
from robustmel.linkers.gemel.language_model import DTYPES

SEARCHES = ("beam", "exact")


def check_parameters(**parameters: Any) -> None:
    """Refuses values out of their range; parameters that are not limited may stand among them.

    Raises:
        UsageError: The first of them, with what was expected.
    """
    check_choice(parameters["demos"], parameters["demo_choice"], parameters["demo_text"], parameters["demo_order"])
    search, dtype = parameters["search"], parameters["dtype"]
    if search not in SEARCHES or (search == "exact" and not parameters["prefix_tree"]):
        raise UsageError(f'search = "{search}" must be "beam", or with prefix_tree = true also "exact".')
    for name in ("budget", "beams", "max_new_tokens", "batch_size"):
        if parameters[name] < 1:
            raise UsageError(f"{name} = {parameters[name]}; expected at least 1.")
    if dtype not in DTYPES:
        raise UsageError(f'dtype = "{dtype}" is unknown; it is one of {", ".join(DTYPES)}.')
