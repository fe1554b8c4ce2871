"""The visual-attack paper: its tables as data, what it says of them, and the same tables run here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from robustmel.errors import UsageError

VISUAL = {
    "figure1": "The attacked image asked for something else: what an attack on the name leaves of a description.",
    "table2": "Six dual encoders under PGD, APGD and CW (the visual-attack paper, Table 2).",
    "table3": "The same behind LLM-RetLink, attacked without and with knowing of it (the visual-attack paper, Table 3).",
    "table4": "Three multimodal language models, white box, by transfer and behind LLM-RetLink (the visual-attack paper, Table 4).",
    "visual-claims": "What the visual-attack paper says of its figures, beside its own tables; runs nothing.",
}
"""What `robustmel reproduce` knows of it: name -> what it is about."""


def visual_text(
    name: str, quick: bool, asked: Mapping[str, Any], out: Path, store: Path, workers: int, device: str
) -> Iterator[str]:
    """The lines of one of `VISUAL`; what it needs is run first.

    Args:
        name: One of `VISUAL`.
        quick: A few mentions.
        asked: Of a table: see `setup.read_setup`; and its `format`.
        out: The run folder.
        store: Where artefacts are kept.
        workers: Processes.
        device: "auto", "cpu" or "cuda".

    Raises:
        UsageError: What is asked does not fit.
    """
    of_tables = ("datasets", "linkers", "surrogate", "undefended", "defence", "format")
    foreign = [key for key in of_tables if asked[key] and not name.startswith("table")]
    if foreign:
        raise UsageError(f"{name} takes no {foreign[0]}: it is about the embedded world, or the paper's own figures.")
    if name == "visual-claims":
        from robustmel.experiments.visual.claims import claims_text

        yield claims_text().rstrip("\n")
        return
    if name == "figure1":
        from robustmel.experiments.visual.context_probe import context_probe

        yield from context_probe(asked["limit"], quick, out, store, workers, device)
        return
    from robustmel.experiments.visual.run_table import run_table
    from robustmel.experiments.visual.setup import read_setup

    chosen = {key: value for key, value in asked.items() if key != "format"}
    yield from run_table(read_setup(name, quick=quick, **chosen), out, store, workers, device, asked["format"] or "table")
