"""Multimodal language models behind a chat endpoint, as linkers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.chat_model import ChatModel, image_part
from robustmel.linkers.chat.endpoint_linker import EndpointLinker
from robustmel.linkers.chat.limits import Limits
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.chat.reply_parser import answer_of_reply
from robustmel.linkers.chat.settings import check, expected
from robustmel.linkers.contract import Capabilities
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.linkers.texts import name_of
from robustmel.types import Prediction, Query, Task, Usage


class Chat(EndpointLinker):
    """A multimodal language model behind any OpenAI-compatible endpoint (vLLM, SGLang, Ollama, `transformers serve`, hosted ones).

    It is shown the image and a numbered list of candidates, and asked for a number. The list is shuffled for each query, from its
    seed, so that a habit of choosing the first does not look like skill. A reply that names no candidate clearly is wrong, with status
    "unparsed"; so is one with status "refused", "truncated" or "tool_call". A call without a reply is an error of its row; the same
    command asks again. Replies are kept in a file by model, prompt, pixels and parameters: what was answered is never asked twice.
    There are no gradients and no scores: attack another linker and show it the images (`source = "clip"`), or hand it a perturbed set.

    Args:
        kb: Names of the candidates.
        model: Its name at the endpoint.
        endpoint: Base address of the endpoint.
        key_variable: Name of the environment variable that holds the key; the key itself is written nowhere.
        prompt: Version of the prompt.
        shuffle: Whether the candidates are listed in an order drawn for each query.
        temperature: 0 takes the likeliest token each time.
        max_tokens: Of a reply.
        options: Further keys of the request, in their place ({"max_completion_tokens": 64}).
        leave_out: Keys of the request that the endpoint does not take ("temperature").
        max_side: Longer images are reduced to this many pixels before they are sent, as PNG.
        in_flight: Requests that are open at the same time.
        deadline: Seconds for one answer, tries and waits included.
        replies: File of the kept replies.
        max_calls: Calls in all, those of earlier runs with the same file included; None sets no limit.
        price_read: Of a million tokens read, in any currency.
        price_written: Of a million tokens written.
        max_cost: In that currency, in all; None sets no limit.
        max_total_tokens: Tokens read and written, in all; None sets no limit.

    Raises:
        UsageError: A parameter is out of its range.

    Source:
        The prompts: the visual-attack paper's for MLLMs, in I2T and IT2T; see prompt-1.toml.
    """

    version: ClassVar[int] = 1

    def __init__(
        self, kb: KnowledgeBase, /, *, model: str, endpoint: str = "http://localhost:8000/v1", key_variable: str = "OPENAI_API_KEY",
        prompt: int = 1, shuffle: bool = True, temperature: float = 0.0, max_tokens: int = 64,
        options: Mapping[str, Any] | None = None, leave_out: Sequence[str] = (), max_side: int = 1024, in_flight: int = 8,
        deadline: float = 120.0, replies: str = ".robustmel/chat.sqlite", max_calls: int | None = None, price_read: float = 0.0,
        price_written: float = 0.0, max_cost: float | None = None, max_total_tokens: int | None = None,
    ) -> None:  # fmt: skip
        check("linker chat", {name: value for name, value in locals().items() if name not in ("self", "kb")})
        self.kb, self.shuffled, self.max_side, self.in_flight = kb, shuffle, max_side, in_flight
        self.prompt: Prompt = read_prompt(Prompt, "chat", prompt)
        settings = {"model": model, "temperature": temperature, "max_tokens": max_tokens} | dict(options or {})
        self._model = ChatModel(
            endpoint, {name: value for name, value in settings.items() if name not in leave_out}, key_variable=key_variable,
            deadline=deadline, replies=replies, limits=Limits(max_calls, max_total_tokens, max_cost, price_read, price_written),
        )  # fmt: skip
        self._draws = temperature > 0

    @classmethod
    def examine(cls, *, prompt: int = 1, **parameters: object) -> Capabilities:
        """What it offers; raises UsageError for a parameter that is out of its range."""
        check("linker chat", parameters)
        read_prompt(Prompt, "chat", prompt)
        return Capabilities(cls.tasks, labels=True, random=cls.random, no_gradient="a chat endpoint gives text alone")

    @staticmethod
    def tokens(kb: KnowledgeBase, queries: Sequence[Query], task: Task, **parameters: Any) -> Usage:
        """About what these queries cost; see `expected`."""
        prompt = read_prompt(Prompt, "chat", parameters["prompt"])
        asked = [prompt.question(query, task, [name_of(kb, query, entity) for entity in query.listed]) for query in queries]
        return expected(parameters["replies"], asked, queries, task, parameters["max_side"], parameters["max_tokens"])

    def ask(self, query: Query, task: Task, listed: Sequence[str]) -> Prediction:
        """See `EndpointLinker.ask`."""
        labels = [name_of(self.kb, query, entity) for entity in listed]
        asked = [{"role": "user", "content": self._content(query, task, labels)}]
        reply = self._model.ask(asked, {"seed": query.seed % 2**31} if self._draws else {})
        usage = Usage(1, reply.tokens_read, reply.tokens_written)
        if reply.status != "ok":
            return Prediction(query.id, text=reply.text, status=reply.status, usage=usage)
        return replace(answer_of_reply(query, reply.text, listed, labels), usage=usage)

    def _content(self, query: Query, task: Task, labels: Sequence[str]) -> list[dict[str, Any]]:
        asked = {"type": "text", "text": self.prompt.question(query, task, labels)}
        return [asked] if task == "T2T" else [image_part(query, self.max_side), asked]
