"""About how many tokens a question costs, before any tokenizer is loaded."""

from collections.abc import Iterable

from robustmel.images import size_of
from robustmel.types import Query, Task

LETTERS, PIXELS = 4, 28 * 28
"""Of a token: about so many letters of English, and so many pixels of an image (Qwen2.5-VL's; hosted models lie near it)."""


def text_tokens(texts: Iterable[str]) -> int:
    """Of texts, each begun anew."""
    return sum(-(-len(text) // LETTERS) for text in texts)


def image_tokens(query: Query, task: Task, max_side: int | None = None, fixed: int | None = None) -> int:
    """Of a query's image; 0 where none is read.

    Args:
        query: Whose image.
        task: What is asked.
        max_side: Longer images are reduced to this many pixels.
        fixed: What every image costs a model that does not go by size.
    """
    size = None if task == "T2T" or query.image is None else size_of(query.image)
    if size is None:
        return 0
    width, height = size
    scale = min(1.0, (max_side or max(size)) / max(size))
    return fixed or max(1, round(width * height * scale**2 / PIXELS))
