"""No defence: the linker as it is."""

from typing import Any, ClassVar

from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities, Linker


class Undefended:
    """Leaves a linker as it is; the baseline every defence is compared with.

    Source:
        The "RAW" rows without an asterisk in the visual-attack paper's Table 4.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(self, kb: KnowledgeBase, /) -> None:
        pass

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All that the linker has."""
        return linker

    def defend(self, linker: Linker, /, **resources: Any) -> Linker:
        """The linker itself."""
        return linker
