"""What a defence must offer.

A defence is built as `Defence(kb, /, **parameters)` and put in front of a linker by `defend`. What the two can do together is asked
of the class before anything is built: a plan is refused, never a run.
"""

from typing import Any, ClassVar, Protocol

from robustmel.linkers.contract import Capabilities, Linker


class Defence(Protocol):
    """A component of `DEFENCES`.

    `uses` names what the stage supplies to `defend` by keyword: "train", the training mentions of the data set. One that gives candidates
    sentences (`Query.labels`) says `gives_labels = True`: then the version in which the linker reads them (`labels_version`) is in its keys.
    """

    version: ClassVar[int]
    random: ClassVar[bool]
    uses: ClassVar[tuple[str, ...]]

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """What a linker with these capabilities can do behind this defence: kept, taken away or added."""
        ...

    def defend(self, linker: Linker, /, **resources: Any) -> Linker:
        """The linker behind the defence: it offers what `capabilities` said, and answers in its stead."""
        ...
