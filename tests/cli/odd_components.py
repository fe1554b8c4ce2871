"""Components of one's own that hand back the wrong thing."""

from __future__ import annotations

from typing import Any, ClassVar


class ListData:
    """Loads a list."""

    def load(self, split: str) -> Any:
        return [1, 2]


class NoCapabilities:
    """A defence that says nothing of what it leaves."""

    version: ClassVar = 1
    random: ClassVar = False
    uses: ClassVar = ()

    def __init__(self, kb: Any, /) -> None: ...

    @classmethod
    def capabilities(cls, linker: Any, /, **parameters: Any) -> Any:
        return None

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        return linker


class NoCandidates:
    """A generator that generates nothing."""

    version: ClassVar = 1

    def candidates(self, mentions: Any, kb: Any, train: Any) -> Any:
        return None


class Letters(NoCandidates):
    """Gives a name for a list of names."""

    def candidates(self, mentions: Any, kb: Any, train: Any) -> Any:
        return ["flag"] * len(mentions)


class Unordered(NoCandidates):
    """Gives sets, whose order changes from one process to the next."""

    def candidates(self, mentions: Any, kb: Any, train: Any) -> Any:
        return [set(kb.ids)] * len(mentions)


class Numbers(NoCandidates):
    """Gives places."""

    def candidates(self, mentions: Any, kb: Any, train: Any) -> Any:
        return [[0, 1]] * len(mentions)


class Twice(NoCandidates):
    """Gives one entity twice."""

    def candidates(self, mentions: Any, kb: Any, train: Any) -> Any:
        return [[kb.ids[0], kb.ids[1], kb.ids[0]]] * len(mentions)


class NoClassMethod(NoCapabilities):
    """Is asked before it is built, and cannot answer."""

    def capabilities(self, linker: Any, /, **parameters: Any) -> Any:  # type: ignore[override]
        return linker


class Attack:
    """An attack that exits."""

    modality, writes, needs, threat_model, budget, version, random = "image", ("image",), "nothing", "linf", "1/255", 1, False

    def passes(self) -> int:
        return 1

    def perturb(self, *given: Any) -> Any:
        raise SystemExit(9)
