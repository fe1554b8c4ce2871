"""No defence: the linker as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from robustmel.linkers.contract import Linker


@dataclass(frozen=True)
class Undefended:
    """Leaves a linker as it is; the baseline every defence is compared with.

    Source:
        The "RAW" rows without an asterisk in the visual-attack paper's Table 4.
    """

    version: ClassVar = 1

    def defend(self, linker: Linker) -> Linker:
        """The linker itself."""
        return linker
