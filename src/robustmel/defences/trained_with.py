"""A defence by training: the same linker, its recipe with a defence in it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from robustmel.defences.none import Undefended
from robustmel.kb import KnowledgeBase

Table = Mapping[str, Any]


class TrainedWith(Undefended):
    """The linker trained by the grid with these tables in its recipe, over the recipe's own; nothing stands before it when it answers.

    Its checkpoint is the one that a linker with the whole recipe would have, and so are its answers.

    Args:
        kb: Not used.
        filter: Leaves suspicious records out, or repairs them; the recipe's table, as the others.
        consistency: Views of one entity must agree.
        text_augmentation: Texts edited by an attack.
        adversarial: Adversarial training of the image tower.

    Source:
        Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, equation 2.1, for defence as a matter of
        training; what each table does has its source there.
    """

    by_training: ClassVar[bool] = True

    def __init__(
        self,
        kb: KnowledgeBase,
        /,
        filter: Table | None = None,  # noqa: A002  (the recipe's name)
        consistency: Table | None = None,
        text_augmentation: Table | None = None,
        adversarial: Table | None = None,
    ) -> None:
        pass
