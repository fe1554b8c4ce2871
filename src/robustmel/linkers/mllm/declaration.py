"""What a multimodal language model says of itself before it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.contract import Capabilities, capabilities
from robustmel.linkers.gemel.language_model import DTYPES
from robustmel.linkers.gemel.memory import language_model_memory
from robustmel.linkers.loading import check_device
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.texts import name_of
from robustmel.linkers.token_estimate import image_tokens, text_tokens
from robustmel.linkers.weights import model_folder, read_json, weight_files
from robustmel.types import Query, Task, Usage

Answer = Literal["labels", "index"]
VECTORS = ("image_seq_length", "num_query_tokens")
"""Where configurations state what every image becomes."""


def prompt_folder(answer: str) -> str:
    """Folder of the prompts: those with a list are the linker chat's."""
    return "mllm" if answer == "labels" else "chat"


def no_gradient(answer: str) -> str:
    """Why there are no gradients; "" where there are."""
    return "" if answer == "labels" else 'a written number has none; set answer = "labels"'


def check_parameters(answer: str, prompt: int, dtype: str, batch_size: int, max_new_tokens: int, **_: Any) -> None:
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


class MLLMDeclaration:
    """Capabilities, files, memory and tokens, from its parameters alone."""

    @classmethod
    def examine(cls, **parameters: Any) -> Capabilities:
        """What it offers with these parameters.

        Raises:
            RobustMELError: As when it is built.
        """
        check_parameters(**parameters)
        check_device(parameters["device"])
        if parameters["model"]:  # one that is to be trained has none yet
            cls.assets(**parameters)
        indexed = parameters["answer"] == "index"
        return replace(
            capabilities(cls),
            scores=not indexed,
            gradients=not indexed,
            random=indexed and parameters["shuffle"],
            no_gradient=no_gradient(parameters["answer"]),
        )

    @classmethod
    def assets(cls, **parameters: Any) -> tuple[Path, ...]:
        """Weights, tokenizer and configurations: the files that decide the answers."""
        return weight_files(parameters["model"], parameters.get("revision"))

    @staticmethod
    def memory(**parameters: Any) -> dict[str, int]:
        """What takes memory -> bytes: the weights, and what a batch of whole contexts keeps."""
        return language_model_memory(
            parameters["model"], parameters["dtype"], parameters["batch_size"], "the model", parameters.get("revision")
        )

    @staticmethod
    def tokens(kb: KnowledgeBase, queries: Sequence[Query], task: Task, **parameters: Any) -> Usage:
        """About what answers to these queries read and write: the prompts once, and every name where names are scored."""
        config = read_json(model_folder(parameters["model"], parameters.get("revision")) / "config.json")
        fixed = next((int(config[name]) for name in VECTORS if config.get(name)), None)
        prompt = read_prompt(Prompt, prompt_folder(parameters["answer"]), parameters["prompt"])
        names = [[name_of(kb, query, entity) for entity in query.listed] for query in queries]
        asked = [prompt.question(query, task, labels) for query, labels in zip(queries, names, strict=True)]
        read = text_tokens(asked) + sum(image_tokens(query, task, fixed=fixed) for query in queries)
        if parameters["answer"] == "index":
            return Usage(len(queries), read, len(queries) * parameters["max_new_tokens"])
        return Usage(len(queries), read + sum(map(text_tokens, names)), 0)
