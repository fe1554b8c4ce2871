"""Parameters of multimodal language models, looked at before anything is loaded."""

from typing import Any, Literal, get_args

from robustmel.errors import UsageError
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.gemel.language_model import DTYPES
from robustmel.linkers.packaged_prompts import read_prompt

Answer = Literal["labels", "index"]


def prompt_folder(answer: str) -> str:
    """Folder of the prompts: those with a list are the linker chat's."""
    return "mllm" if answer == "labels" else "chat"


def no_gradient(answer: str) -> str:
    """Why there are no gradients; "" where there are."""
    return "" if answer == "labels" else 'a written number has none; set answer = "labels"'


def check(answer: str, prompt: int, dtype: str, batch_size: int, max_new_tokens: int, **_: Any) -> None:
    """Looks at what can be wrong without the model.

    Raises:
        UsageError: A parameter is out of its range.
    """
    for name, value, known in (("answer", answer, get_args(Answer)), ("dtype", dtype, tuple(DTYPES))):
        if value not in known:
            raise UsageError(f'{name} = "{value}" is unknown; it is one of {", ".join(known)}.')
    for name, number in (("batch_size", batch_size), ("max_new_tokens", max_new_tokens)):
        if number < 1:
            raise UsageError(f"{name} = {number}; expected at least 1.")
    read_prompt(Prompt, prompt_folder(answer), prompt)
