"""What a detector of poisoned training records is given and must offer."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from robustmel.kb import KnowledgeBase
from robustmel.registry import Registry, is_file_component
from robustmel.types import Mention

Suspicion = NDArray[np.float64]


class Detector(Protocol):
    """A component of `DETECTORS`: a frozen dataclass whose fields are its parameters.

    One that reads files offers `assets(**parameters)`, their paths, as linkers do. One that looks at each record alone says so by
    `by_record = True`, so that an attack can ask it about a single record; one that compares records may be a `Comparing`, so that an
    attack that knows them all asks it fast.
    """

    version: ClassVar[int]

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """float64 (N,): the higher, the more suspicious; NaN where it cannot tell.

        Args:
            records: N training mentions, their labels in `gold`. They are all there is: nobody says which of them are clean.
            kb: The entities that they point into.
        """
        ...


def file_assets(registry: Registry, name: str, parameters: Mapping[str, Any]) -> tuple[Path, ...]:
    """The files behind a component by name: those that it reads, and that of a class of the user's own."""
    loaded: Any = registry.load(name)
    own = (Path(name.rpartition(":")[0]),) if is_file_component(name) else ()
    return own + (tuple(loaded.assets(**registry.parameters(name, parameters))) if hasattr(loaded, "assets") else ())
