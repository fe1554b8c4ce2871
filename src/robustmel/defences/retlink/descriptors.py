"""Words for what an image shows."""

from dataclasses import dataclass, field

from robustmel.types import Usage


@dataclass(frozen=True, slots=True)
class Descriptors:
    """What was said of one image.

    Args:
        words: At most 8, most specific first.
        status: "ok", or why there are none: "unparsable", "refused", "truncated", "error", or what is wrong with the image.
        usage: Calls to an endpoint.
    """

    words: tuple[str, ...] = ()
    status: str = "ok"
    usage: Usage = field(default_factory=Usage)
