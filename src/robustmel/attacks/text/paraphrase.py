"""Whole sentences in other words, by a language model behind a chat endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from robustmel.at_once import at_once
from robustmel.attacks.contract import TextObjective
from robustmel.attacks.quantities import above_zero, at_least_one, number, one_of
from robustmel.attacks.text.editable_text import EditableText
from robustmel.attacks.text.rewording import kept_pieces, rewording
from robustmel.attacks.text.word_attack import NO_MENTION, NO_WORD
from robustmel.attacks.text.words import protected_spans
from robustmel.errors import MissingError, UsageError, printable
from robustmel.linkers.chat.chat_model import ChatModel
from robustmel.linkers.chat.limits import Limits
from robustmel.linkers.chat.service import ChatError, Reply
from robustmel.types import Query, TextEdit

ASK = "Write the sentence below in other words. It must say the same, in the same language. Answer with the new sentence alone."
KEEP = "Keep these parts exactly as they are written, in this order, each as often as it occurs: {pieces}."

NO_NEWS = "nothing edited: the model wrote the same sentence"
NO_TEXT = "nothing edited: the model wrote no sentence"
MORE_LINES = "nothing edited: the model wrote more lines than the text has"
NOT_KEPT = "nothing edited: the model changed what must stay"
PASSING = ("timeout:", "connection:", "http_408:", "http_409:", "http_425:", "http_429:", "http_5")
"""How a call's failure begins where a later one may do better."""


@dataclass(frozen=True)
class Paraphrase:
    """Writes the whole sentence in other words by a language model that is asked to (Krishna et al., 2023).

    The model is told to keep the mention and its markers as they are written. A reply that does not, that refuses, breaks off or has
    more lines than the text counts for nothing: the text stays, and its note says why. Nothing but the prompt sees to it that the meaning
    stays: measure that with an encoder. Replies are kept in a file by model, prompt and parameters; none is asked for twice.

    Args:
        model: Its name at the endpoint.
        endpoint: Base address of any OpenAI-compatible endpoint (vLLM, Ollama, `transformers serve`, hosted ones).
        protect: "mention": the mention stays, and the markers around it; "none": nothing has to.
        temperature: 0 takes the likeliest token each time; above it the record's seed is sent.
        max_tokens: Of a reply.
        options: Further keys of the request, in their place ({"max_completion_tokens": 512}).
        leave_out: Keys of the request that the endpoint does not take ("temperature").
        key_variable: Name of the environment variable that holds the key; the key itself is written nowhere.
        in_flight: Requests that are open at the same time.
        deadline: Seconds for one answer, tries and waits included.
        replies: File of the kept replies.
        max_calls: Calls in all, those of earlier runs with the same file included; None sets no limit.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Krishna et al., "Paraphrasing evades detectors of AI-generated text, but retrieval is an effective defense", NeurIPS 2023, for
        rewriting by a language model; Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024, calls its attacks
        paraphrases, of which none is one.
    """

    model: str = field(kw_only=True)
    endpoint: str = "http://localhost:8000/v1"
    protect: Literal["mention", "none"] = "mention"
    temperature: float = 1.0
    max_tokens: int = 512
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    leave_out: Sequence[str] = field(default_factory=list, hash=False)
    key_variable: str = "OPENAI_API_KEY"
    in_flight: int = 8
    deadline: float = 120.0
    replies: str = ".robustmel/chat.sqlite"
    max_calls: int | None = None

    modality: ClassVar[Literal["text"]] = "text"
    writes: ClassVar[tuple[str, ...]] = ("text", "span")
    needs: ClassVar[Literal["nothing"]] = "nothing"
    threat_model: ClassVar[str] = "text reworded"
    budget: ClassVar[str] = "all words"
    random: ClassVar[bool] = True
    version: ClassVar[int] = 1
    unkeyed: ClassVar[tuple[str, ...]] = ("key_variable", "in_flight", "deadline", "replies", "max_calls")

    def __post_init__(self) -> None:
        """Checks the values."""
        if not isinstance(self.model, str) or not self.model.strip():
            raise UsageError(f"model = {self.model!r} is no name of a model at {self.endpoint}.")
        one_of("protect", self.protect, "mention", "none")
        number("temperature", self.temperature)
        above_zero("deadline", self.deadline)
        at_least_one("max_tokens", self.max_tokens)
        at_least_one("in_flight", self.in_flight)

    def passes(self) -> int:
        """None of a source."""
        return 0

    def perturb(
        self, queries: Sequence[Query], objective: TextObjective | None, gold: Sequence[str | None], seeds: Sequence[int]
    ) -> list[TextEdit]:
        """See `TextAttack.perturb`; a query without a usable reply keeps its text, and its note says why.

        Raises:
            MissingError: The endpoint refuses the key, knows no such model or gives no reply in time; what was answered is kept.
            RobustMELError: `max_calls` is reached; what was answered is kept.
        """
        settings = {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens, **self.options}
        model = ChatModel(
            self.endpoint, {name: value for name, value in settings.items() if name not in self.leave_out},
            key_variable=self.key_variable, deadline=self.deadline, replies=self.replies, limits=Limits(self.max_calls),
        )  # fmt: skip
        return list(
            at_once(lambda asked: self._reworded(model, *asked), list(zip(queries, seeds, strict=True)), self.in_flight)
        )

    def _reworded(self, model: ChatModel, query: Query, seed: int) -> TextEdit:
        protected = protected_spans(query, self.protect)
        if protected is None:
            return EditableText(query, ()).edit((), NO_MENTION)
        text = EditableText(query, protected)
        pieces = kept_pieces(query.text, protected)
        if not any(map(str.isalpha, query.text if pieces is None else pieces.sub("", query.text))):
            return text.edit((), NO_WORD)
        quoted = ", ".join(f'"{piece}"' for piece in dict.fromkeys(query.text[slice(*span)] for span in protected))
        asked = f"{ASK}\n{KEEP.format(pieces=quoted)}" if protected else ASK
        try:
            message = {"role": "user", "content": f"{asked}\n\n{query.text}"}
            reply = model.ask([message], {"seed": seed % 2**31} if self.temperature > 0 else {})
        except ChatError as problem:
            if str(problem).startswith(PASSING):
                raise MissingError(f"{self.endpoint}: {problem}. Replies so far are kept; the same command goes on.") from None
            return text.edit((), f"nothing edited: {printable(str(problem), 200)}")
        new = _sentence(reply, query.text)
        if note := _unusable(reply, new, query.text):
            return text.edit((), note)
        changes = rewording(text, pieces, new)
        return text.edit((), NOT_KEPT) if changes is None else text.edit(changes)


def _sentence(reply: Reply, old: str) -> str:
    """The reply between the blanks of the old text, without quotation marks that the old text has not."""
    new = reply.text.strip()
    for left, right in ('""', "“”"):
        if len(new) > 1 and (new[0], new[-1]) == (left, right) and old.strip()[:1] != left:
            new = new[1:-1].strip()
    stripped = old.strip()
    begin = old.index(stripped) if stripped else 0
    return old[:begin] + new + old[begin + len(stripped) :]


def _unusable(reply: Reply, new: str, old: str) -> str:
    """Why a reply is no new sentence, "" where it is one."""
    if reply.status != "ok":
        return f"nothing edited: the model's reply was {reply.status.replace('_', ' ')}"
    if not new.strip() or new.encode("utf-8", "replace").decode() != new:
        return NO_TEXT
    if len(new.splitlines()) > max(1, len(old.splitlines())):
        return MORE_LINES
    return NO_NEWS if new == old else ""
