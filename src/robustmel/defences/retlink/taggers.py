"""Who describes images, by name."""

from typing import Any

from robustmel.defences.retlink.descriptors import Tagger
from robustmel.defences.retlink.endpoint import Endpoint
from robustmel.defences.retlink.image_taggers import EndpointTagger, LocalTagger
from robustmel.defences.retlink.word_tagger import WordTagger
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.mllm.linker import MLLM


def tagger_of(descriptors: str, lvm: str, endpoint: Endpoint, question: str, max_side: int, draws: bool) -> Tagger | None:
    """Whoever is named; None where nobody is.

    Args:
        descriptors: A linker run here: a dual encoder, or a multimodal language model.
        lvm: A model behind the endpoint.
        endpoint: Where `lvm` is.
        question: Its prompt.
        max_side: Of the images it gets.
        draws: Whether it gets a seed.

    Raises:
        UsageError: What is named does not describe images.
    """
    if lvm:
        return EndpointTagger(endpoint.model(lvm), question, draws, endpoint.in_flight, max_side)
    if not descriptors:
        return None
    if is_language_model(descriptors):
        linker: Any = LINKERS.create(descriptors, KnowledgeBase(()))
        return LocalTagger(linker)
    return WordTagger(descriptors)


def is_language_model(descriptors: str) -> bool:
    """Whether a linker that describes images writes, rather than choosing among words."""
    return issubclass(LINKERS.load(descriptors), MLLM)
