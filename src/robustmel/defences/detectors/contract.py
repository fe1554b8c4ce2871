"""What a detector of poisoned training records is given and must offer."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from robustmel.kb import KnowledgeBase
from robustmel.types import Mention

Suspicion = NDArray[np.float64]


class Detector(Protocol):
    """A component of `DETECTORS`: a frozen dataclass whose fields are its parameters.

    One that reads files offers `assets(**parameters)`, their paths, as linkers do.
    """

    version: ClassVar[int]

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """float64 (N,): the higher, the more suspicious; NaN where it cannot tell.

        Args:
            records: N training mentions, their labels in `gold`. They are all there is: nobody says which of them are clean.
            kb: The entities that they point into.
        """
        ...
