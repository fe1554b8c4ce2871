"""LLM-RetLink, the defence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from robustmel.defences.detectors.representations import encoder_files
from robustmel.defences.retlink.batched_sentences import writer_of
from robustmel.defences.retlink.candidate_sentences import CandidateSentences, Mode
from robustmel.defences.retlink.clues import CluedLinker
from robustmel.defences.retlink.described_linker import DescribedLinker
from robustmel.defences.retlink.descriptors import Tagger
from robustmel.defences.retlink.endpoint import Endpoint, EndpointLanguageModel
from robustmel.defences.retlink.language_model_sentences import Writer
from robustmel.defences.retlink.profiles import Profile, choices
from robustmel.defences.retlink.retrievers import Source, evidence_files, evidence_retriever
from robustmel.defences.retlink.taggers import is_language_model, tagger_of
from robustmel.defences.retlink.word_tagger import WordTagger
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.limits import Limits
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.chat.settings import UNKEYED
from robustmel.linkers.contract import Capabilities
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.retrieval.pages import PageText


class RetLink:
    """Describes each candidate by a sentence of evidence before the linker compares (the visual-attack paper, LLM-RetLink).

    The paper names neither models nor prompts, nor whether its attacks knew of the defence. Its reading is here one of several: the
    modes, in the order in which one falls back on another.

    Args:
        kb: Names, descriptions and texts of the candidates.
        mode: "none": the linker's own text (M0). "template": name and description (M1). "extractive": the sentence of the evidence
            that shares most with what image and text say (M2). "rewrite": a sentence that a language model writes of the entity, once
            for all mentions (M3). "contextual": one that it writes in view of image and text, for each mention (M4; the paper's
            reading). "select": the sentence of the evidence whose number it names (M5). By default "rewrite" where `llm` is named,
            else "extractive".
        profile: "paper": `mode = "contextual"`, `temperature = 0.75`. "robust": `ensemble = true`. Each choice made beside it holds.
        descriptors: A dual encoder, or a multimodal language model run here, that says what the image shows, from the very image that
            is linked; "" leaves the image out of the choice of evidence.
        lvm: A multimodal language model behind the endpoint that does so.
        llm: A language model behind the endpoint, for the modes that ask one.
        extend: Whether the sentence follows the linker's own text of the candidate, or stands in its place.
        ensemble: Score each candidate by the mean of the cosines with its sentence and with the linker's own text.
        retriever: "kb": the knowledge base's own texts. "index": a local index of texts. "wikimedia": Wikidata and Wikipedia.
        text_index: Folder of the index (`robustmel kb index`).
        store: File in which evidence from Wikimedia is kept.
        contact: A mail address or web page of whoever runs this, which Wikimedia asks for.
        offline: Fetch no evidence; what the store lacks ends the run.
        language: Of Wikipedia.
        min_age: Days that a revision of an article must have stood to be evidence from Wikimedia; what was edited since is read as it
            stood before, so that vandalism which is soon reverted is read by nobody.
        endpoint: Base address of the endpoint.
        lvm_endpoint: That of `lvm`; "" for the same.
        key_variable: Name of the environment variable that holds the key; the key itself is written nowhere.
        prompt: Version of the prompts.
        temperature: 0, the default, takes the likeliest token each time.
        max_tokens: Of a reply.
        options: Further keys of the requests.
        leave_out: Keys of the requests that the endpoint does not take.
        max_side: Longer images are reduced to this many pixels before `lvm` gets them.
        in_flight: Requests that are open at the same time.
        deadline: Seconds for one reply, tries and waits included.
        replies: File of the kept replies.
        max_calls: Calls in all, those of earlier runs with the same file included; None sets no limit.
        price_read: Of a million tokens read, in any currency.
        price_written: Of a million tokens written.
        max_cost: In that currency, in all; None sets no limit.
        max_total_tokens: Tokens read and written, in all; None sets no limit.

    Raises:
        UsageError: A parameter is out of its range.
        MissingError: The index or the store is not there.

    Source:
        The visual-attack paper, section "LLM and Retrieval-Augmented Entity Linking".
    """

    version: ClassVar[int] = 3
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ()
    gives_labels: ClassVar[bool] = True
    unkeyed: ClassVar[tuple[str, ...]] = ("store", "contact", "offline", "min_age", *UNKEYED)

    def __init__(
        self, kb: KnowledgeBase, /, *, mode: Mode | None = None, profile: Profile = "", descriptors: str = "", lvm: str = "",
        llm: str = "", extend: bool = True, ensemble: bool | None = None, retriever: Source = "kb", text_index: str = "",
        store: str = ".robustmel/evidence.sqlite", contact: str = "", offline: bool = False, language: str = "en", min_age: float = 0.0,
        endpoint: str = "http://localhost:8000/v1", lvm_endpoint: str = "", key_variable: str = "OPENAI_API_KEY", prompt: int = 1,
        temperature: float | None = None, max_tokens: int = 128, options: Mapping[str, Any] | None = None,
        leave_out: Sequence[str] = (), max_side: int = 1024, in_flight: int = 8, deadline: float = 120.0,
        replies: str = ".robustmel/chat.sqlite", max_calls: int | None = None, price_read: float = 0.0, price_written: float = 0.0,
        max_cost: float | None = None, max_total_tokens: int | None = None,
    ) -> None:  # fmt: skip
        chosen = choices(profile, mode, temperature, ensemble, llm, lvm, descriptors)
        asked = Endpoint(
            endpoint, key_variable, chosen.temperature, max_tokens, dict(options or {}), tuple(leave_out), in_flight, deadline,
            replies, Limits(max_calls, max_total_tokens, max_cost, price_read, price_written),
        )  # fmt: skip
        questions: Prompt = read_prompt(Prompt, "retlink", prompt, "defence")
        self._kb, self._choices, self._extend = kb, chosen, extend
        self._retriever = evidence_retriever(retriever, text_index, store, contact, offline, language, min_age, kb)
        self._writer: Writer | None = None
        if chosen.written:
            model = EndpointLanguageModel(asked.model(llm), chosen.draws)
            self._writer = writer_of(model, chosen.written, questions, in_flight)
        seeing = replace(asked, address=lvm_endpoint or endpoint)
        self._tagger: Tagger | None = tagger_of(descriptors, lvm, seeing, questions.ask["describe"], max_side, chosen.draws)

    @classmethod
    def assets(
        cls,
        descriptors: str = "",
        retriever: Source = "kb",
        text_index: str = "",
        store: str = "",
        offline: bool = False,
        **others: Any,
    ) -> tuple[Path, ...]:
        """The files of the model that describes images, and of the evidence.

        Raises:
            UsageError: Parameters contradict each other.
            MissingError: A file is not there.
        """
        choices(descriptors=descriptors, **others)
        files = evidence_files(retriever, text_index, store, offline)
        if absent := [path for path in files if not path.is_file()]:
            raise MissingError(
                f"{absent[0]} is not there; `robustmel kb index` makes an index, and a run without offline the evidence."
            )
        return (*(encoder_files(descriptors) if descriptors else ()), *files)

    @classmethod
    def inside(cls, *, descriptors: str = "", retriever: Source = "kb", min_age: float = 0.0, **_: Any) -> dict[str, float]:
        """What only some parameters add to keys: versions of parts that they use, and `min_age`."""
        facts = {"words": WordTagger.version} if descriptors and not is_language_model(descriptors) else {}
        facts |= {"pages": PageText.version} if retriever != "kb" else {}
        return facts | ({"min_age": min_age} if min_age else {})

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of the linker's, if it reads sentences in place of names, but candidates must be listed.

        One that is shown demonstrations and writes names has no candidates to describe: it is told what the image shows.
        """
        chosen = choices(**parameters)
        if linker.demos and linker.images and (parameters.get("descriptors") or parameters.get("lvm")) and not chosen.ensemble:
            return linker
        able = linker.labels and (linker.scores or not chosen.ensemble)
        if not able:
            return Capabilities(tasks=())
        return replace(linker, open_answers=False, random=linker.random or chosen.draws)

    @classmethod
    def calls(cls, images: int, candidates: int, entities: int, /, *, lvm: str = "", **others: Any) -> int:
        """How often its endpoint is asked, at most.

        Args:
            images: Pairs of a mention and a version of its image.
            candidates: Of a mention.
            entities: Of the knowledge base.
            lvm: As in the class.
            others: Likewise.
        """
        mode = choices(lvm=lvm, **others).written
        asked = images if (mode or "").endswith("-batched") else images * candidates
        written = min(entities, asked) if mode == "rewrite" else asked if mode else 0
        return written + (images if lvm else 0)

    def defend(self, linker: Any, /, **resources: Any) -> Any:
        """The linker, given sentences; or clues, if it writes names."""
        if self._tagger is not None and hasattr(linker, "showing"):
            return CluedLinker(linker, self._tagger)
        sentences = CandidateSentences(self._kb, linker, self._choices.mode, self._extend, self._retriever, self._writer)
        return DescribedLinker(linker, sentences, self._tagger, self._choices.ensemble)
