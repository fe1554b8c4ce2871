"""A linker that writes names is told whose mentions such words usually surround."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from robustmel.defences.changed_questions import ChangedQuestions, followed
from robustmel.defences.context_labels import contexts, label_assets
from robustmel.defences.context_profiles import Context, ContextProfiles
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Mention, Query, Task


class ContextField:
    """Names behind a mention's text the entities that its words usually surround, for a linker that writes (Maley & Jadhav, 2024).

    The line is "Usual in this context: A, B, C.", of the entities whose profile of words makes these words likelier than all training
    mentions together do, likeliest first; without one there is no line. The profiles are those of `context-mapping`, of training mentions
    that one trusts. The names that the linker may write stay the same, and so do its demonstrations.

    Args:
        kb: Not used.
        names: Entities named at most.
        prior: Words that the prior of a profile is worth.
        fewest: Training mentions of an entity below which it is not named.
        labels: A sentence encoder: contexts are then types, topics and sentiments in place of words (`context_labels`).

    Raises:
        UsageError: A value is out of its range.

    Source:
        Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024, whose context mapping it is as a field of the prompt;
        the paper names the idea alone, the profiles are of Zhai & Lafferty, 2004.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ("train",)

    def __init__(self, kb: KnowledgeBase, /, names: int = 3, prior: float = 50.0, fewest: int = 4, labels: str = "") -> None:
        if names < 1 or prior <= 0 or fewest < 1:
            raise UsageError(
                f"defence context-field: names = {names}, prior = {prior}, fewest = {fewest}; expected at least 1, above 0, at least 1."
            )
        self._names, self._prior, self._fewest, self._labels = names, prior, fewest, labels

    @classmethod
    def assets(cls, labels: str = "", **others: Any) -> tuple[Path, ...]:
        """The files that decide the labels."""
        return label_assets(labels)

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of a linker's that is shown demonstrations and writes; nothing of any other's."""
        return linker if linker.demos else Capabilities(tasks=())

    def defend(self, linker: Any, /, *, train: Sequence[Mention], **resources: Any) -> Any:
        """The linker with the line."""
        read = partial(contexts, encoder=self._labels)
        return FieldLinker(linker, ContextProfiles.of(train, self._prior, read), self._names, self._fewest, read)


class FieldLinker(ChangedQuestions):
    """A linker that reads whose mentions such words usually surround.

    Args:
        linker: The one behind.
        profiles: Of the entities.
        names: Entities named at most.
        fewest: Records of an entity below which it is not named.
        read: What tells the contexts of queries.
    """

    def __init__(
        self, linker: Any, profiles: ContextProfiles, names: int, fewest: int, read: Callable[[Sequence[Query]], list[Context]]
    ) -> None:
        super().__init__(linker)
        self._profiles, self._names, self._read = profiles, names, read
        self._known = {
            name for name, count in profiles.records.items() if name is not None and name in self.kb and count >= fewest
        }

    def asked(self, queries: Sequence[Query], task: Task, pixels: Tensor | None = None) -> list[Query]:
        """The queries with the line."""
        return [self._with_field(*asked) for asked in zip(queries, self._read(queries), strict=True)]

    def _with_field(self, query: Query, own: Context) -> Query:
        if not own:
            return query
        usual = self._profiles.usual_surprise(own)
        listed = self._known.intersection(self._known if query.candidates is None else query.candidates)
        surprise = {name: self._profiles.surprise(own, name) for name in sorted(listed)}
        fitting = sorted((name for name in surprise if surprise[name] < usual), key=surprise.__getitem__)[: self._names]
        names = ", ".join(self.kb[name].name for name in fitting)
        return followed(query, f"Usual in this context: {names}.") if names else query
