"""What a multimodal language model says of itself before it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.contract import Capabilities, capabilities
from robustmel.linkers.gemel.memory import language_model_memory
from robustmel.linkers.loading import check_device
from robustmel.linkers.mllm.settings import check, no_gradient, prompt_folder
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.texts import name_of
from robustmel.linkers.token_estimate import image_tokens, text_tokens
from robustmel.linkers.weights import model_folder, read_json, weight_files
from robustmel.types import Query, Task, Usage

VECTORS = ("image_seq_length", "num_query_tokens")
"""Where configurations state what every image becomes."""


class StatedMLLM:
    """From its parameters alone."""

    @classmethod
    def examine(cls, **parameters: Any) -> Capabilities:
        """What it offers with these parameters.

        Raises:
            RobustMELError: As when it is built.
        """
        check(**parameters)
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
