"""Where RetLink finds evidence, by name."""

from pathlib import Path
from typing import Literal

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.evidence import KnowledgeBaseText, Retriever
from robustmel.retrieval.pages import PageText
from robustmel.retrieval.text_index import FILE, TextIndex

Source = Literal["kb", "index", "wikimedia"]
"""The knowledge base's own texts, a folder that `robustmel kb index` made, or Wikidata and Wikipedia."""


def evidence_retriever(
    source: Source, text_index: str, store: str, contact: str, offline: bool, language: str, min_age: float, kb: KnowledgeBase
) -> Retriever:
    """The retriever of that name.

    Args:
        source: Its name.
        text_index: The folder, for "index".
        store: File in which evidence of "wikimedia" is kept.
        contact: For "wikimedia": a mail address or web page of whoever runs this.
        offline: "wikimedia" fetches nothing; what the store lacks ends the run.
        language: Of Wikipedia.
        min_age: Days that a revision of an article on "wikimedia" must have stood.
        kb: Whose entities' own pages say nothing of others.

    Raises:
        UsageError: A parameter is lacking, or belongs to another source.
        MissingError: The folder or, offline, the store is not there.
    """
    if (source == "index") != bool(text_index):
        raise UsageError(
            'defence retlink: retriever = "index" and text_index, the folder that `robustmel kb index` made, go together.'
        )
    if min_age and source != "wikimedia":
        raise UsageError('defence retlink: min_age belongs to retriever = "wikimedia"; the others have no revisions.')
    if source == "index":
        return PageText(TextIndex(Path(text_index).expanduser()), kb)
    if source == "wikimedia":
        from robustmel.retrieval.wikimedia.encyclopaedia import Encyclopaedia

        return PageText(Encyclopaedia(Path(store).expanduser(), contact, offline, language, min_age=min_age), kb)
    if offline:
        raise UsageError('defence retlink: offline belongs to retriever = "wikimedia"; the others never use a network.')
    return KnowledgeBaseText()


def evidence_files(source: Source, text_index: str, store: str, offline: bool) -> tuple[Path, ...]:
    """The files that decide what is found; online, the web does."""
    if source == "index" and text_index:
        return (Path(text_index).expanduser() / FILE,)
    return (Path(store).expanduser(),) if source == "wikimedia" and offline else ()
