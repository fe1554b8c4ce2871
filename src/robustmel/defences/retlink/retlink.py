"""LLM-RetLink, the defence."""

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from robustmel.defences.detectors.representations import encoder_files
from robustmel.defences.retlink.candidate_sentences import CandidateSentences, Mode
from robustmel.defences.retlink.described_linker import DescribedLinker
from robustmel.defences.retlink.descriptors import WordTagger
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.retrieval.evidence import KnowledgeBaseText


class RetLink:
    """Describes each candidate by a sentence of evidence before the linker compares (the visual-attack paper, LLM-RetLink).

    The paper names neither models nor prompts, nor whether its attacks knew of the defence. Its reading is here one of several: the
    modes, in the order in which one falls back on another.

    Args:
        kb: Names, descriptions and texts of the candidates.
        mode: "none": the linker's own text (M0). "template": name and description (M1). "extractive": the sentence of the evidence
            that shares most with what image and text say (M2).
        descriptors: A dual encoder that says what the image shows, in words of the knowledge base's texts, from the very image that is
            linked; "" leaves the image out of the choice of evidence.
        extend: Whether the sentence follows the linker's own text of the candidate, or stands in its place.
        ensemble: Score each candidate by the mean of the cosines with its sentence and with the linker's own text.

    Raises:
        UsageError: A parameter is out of its range.

    Source:
        The visual-attack paper, section "LLM and Retrieval-Augmented Entity Linking".
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        kb: KnowledgeBase,
        /,
        *,
        mode: Mode = "extractive",
        descriptors: str = "",
        extend: bool = True,
        ensemble: bool = False,
    ) -> None:
        self._kb, self._mode, self._extend, self._ensemble = kb, mode, extend, ensemble
        self._tagger = WordTagger(descriptors, kb) if descriptors else None

    @classmethod
    def assets(cls, descriptors: str = "", **others: Any) -> tuple[Path, ...]:
        """The files of the encoder that describes images."""
        return encoder_files(descriptors) if descriptors else ()

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of the linker's, if it reads sentences in place of names, but candidates must be listed."""
        able = linker.labels and (linker.scores or not parameters["ensemble"])
        return replace(linker, open_answers=False) if able else Capabilities(tasks=())

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker, given sentences."""
        sentences = CandidateSentences(self._kb, linker, self._mode, self._extend, KnowledgeBaseText())
        return DescribedLinker(linker, sentences, self._tagger, self._ensemble)
