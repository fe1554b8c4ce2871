"""Language models behind a chat endpoint, as RetLink asks them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustmel.linkers.chat.chat_model import ChatModel
from robustmel.linkers.chat.limits import Limits
from robustmel.linkers.chat.service import Reply
from robustmel.linkers.chat.settings import check


@dataclass(frozen=True)
class Endpoint:
    """Where a model is asked, and within which limits; the parameters are those of the linker chat.

    Raises:
        UsageError: A value is out of its range.
    """

    address: str
    key_variable: str
    temperature: float
    max_tokens: int
    options: Mapping[str, Any]
    leave_out: Sequence[str]
    in_flight: int
    deadline: float
    replies: str
    limits: Limits

    def __post_init__(self) -> None:
        check("defence retlink", vars(self.limits) | vars(self))

    def model(self, name: str) -> ChatModel:
        """The model of that name there."""
        settings = {"model": name, "temperature": self.temperature, "max_tokens": self.max_tokens} | dict(self.options)
        return ChatModel(
            self.address, {key: value for key, value in settings.items() if key not in self.leave_out},
            key_variable=self.key_variable, deadline=self.deadline, replies=self.replies, limits=self.limits,
        )  # fmt: skip


class EndpointLanguageModel:
    """A `LanguageModel` behind an endpoint; replies are kept in its file under all that was asked.

    Args:
        model: Whom it asks.
        draws: Whether a seed is sent.
    """

    def __init__(self, model: ChatModel, draws: bool) -> None:
        self._model, self._draws = model, draws

    def reply(self, system: str, user: str, seed: int) -> Reply:
        """See `LanguageModel`.

        Raises:
            ChatError: There is no reply.
            MissingError: The endpoint refuses the key or knows no such model.
            RobustMELError: A limit on calls or cost is reached; what was answered is kept.
        """
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        return self._model.ask(messages, {"seed": seed % 2**31} if self._draws else {})
