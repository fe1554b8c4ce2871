"""Named settings of LLM-RetLink: the paper's reading, and the one that is to be hardest to fool."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from robustmel.defences.retlink.candidate_sentences import Mode
from robustmel.defences.retlink.language_model_sentences import Written
from robustmel.errors import UsageError

Profile = Literal["", "paper", "robust"]

_PROFILES: dict[str, dict[str, Any]] = {
    "": {},
    "paper": {"mode": "contextual", "temperature": 0.75, "ensemble": False},
    "robust": {"temperature": 0.0, "ensemble": True},
}


@dataclass(frozen=True)
class Choices:
    """What a profile decides where nothing else is said."""

    mode: Mode
    temperature: float
    ensemble: bool

    @property
    def written(self) -> Written | None:
        """The mode, if it asks a language model."""
        return next((mode for mode in get_args(Written) if mode == self.mode), None)

    @property
    def draws(self) -> bool:
        """Whether answers about a mention depend on a seed; an entity's sentence ("rewrite") is drawn once for all."""
        return self.temperature > 0 and self.written not in (None, "rewrite")


def choices(
    profile: Profile = "", mode: Mode | None = None, temperature: float | None = None, ensemble: bool | None = None, llm: str = "",
    lvm: str = "", descriptors: str = "", **_: Any,
) -> Choices:  # fmt: skip
    """What is asked for: each choice as given, else the profile's, else M3 where a language model is named, M2 where none is.

    Raises:
        UsageError: The choices contradict each other.
    """
    settled = {"mode": "rewrite" if llm else "extractive", "temperature": 0.0, "ensemble": False} | _PROFILES[profile]
    given = {"mode": mode, "temperature": temperature, "ensemble": ensemble}
    result = Choices(**settled | {name: value for name, value in given.items() if value is not None})
    if result.written and not llm:
        by = f'profile = "{profile}" takes' if mode is None else "defence retlink:"
        raise UsageError(
            f'{by} mode = "{result.mode}", which asks a language model; name one with llm, or choose mode = "extractive".'
        )
    if llm and not result.written:
        raise UsageError(
            f'defence retlink: mode = "{result.mode}" asks no language model; leave llm out, or choose mode = "rewrite".'
        )
    if lvm and descriptors:
        raise UsageError("defence retlink: both lvm and descriptors describe images; leave one out.")
    if (lvm or descriptors) and result.mode in ("none", "template", "rewrite"):
        raise UsageError(
            f'defence retlink: mode = "{result.mode}" gives every image the same sentences; leave {"lvm" if lvm else "descriptors"} out, or'
            ' choose mode = "extractive", "contextual" or "select".'
        )
    return result
