"""A model's copy from the Hugging Face hub, with a time limit and one clear error."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError

PATIENCE = 10.0
"""Seconds that the hub has to answer in; it is not asked again."""


def hub_folder(model: str, revision: str | None, patterns: Sequence[str], weights: str) -> Path:
    """The folder of the hub's copy: from the cache where it is whole, else fetched.

    Raises:
        MissingError: It is neither in the cache nor to be had; says why, and what HF_HUB_OFFLINE has to do with it.
    """
    from huggingface_hub import HfApi, constants, snapshot_download

    options: dict[str, Any] = {"allow_patterns": list(patterns)}
    try:
        cached = Path(snapshot_download(model, revision=revision, local_files_only=True, **options))
        absent = [name for name in ("config.json", weights) if not any(cached.glob(name))]
        if not absent:
            return cached
        why = f"its copy in the hub cache lacks {' and '.join(absent)}"
    except Exception:  # a cache in any state; what is said is decided below
        why = "the hub cache has no copy"
    named = f"model {model}" + (f" (revision {revision})" if revision else "")
    if constants.HF_HUB_OFFLINE:
        raise MissingError(
            f"{named}: there is no such folder, {why}, and HF_HUB_OFFLINE forbids fetching it; unset HF_HUB_OFFLINE, or set "
            f"model to a local folder.{_nearest(model)}"
        )
    try:
        info = HfApi().repo_info(model, revision=revision, timeout=PATIENCE)
        return Path(snapshot_download(model, revision=info.sha or revision, etag_timeout=PATIENCE, **options))
    except Exception as problem:  # network, permission, gated or misspelt: one sentence either way
        raise MissingError(
            f"{named}: there is no such folder, {why}, and it cannot be fetched: {_reason(problem)}; check the name, fetch it "
            "beforehand where there is a network (HF_HUB_OFFLINE=1 then uses the cache), or set model to a local "
            f"folder.{_nearest(model)}"
        ) from problem


def _reason(problem: Exception) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(problem, GatedRepoError):  # which is a RepositoryNotFoundError, too
        return "it is gated: accept its terms on the hub and set HF_TOKEN"
    if isinstance(problem, RepositoryNotFoundError):
        return "the hub has no model of that name, or it is private and HF_TOKEN is not set"
    if isinstance(problem, RevisionNotFoundError):
        return "the hub has the model, but no such revision of it"
    return (str(problem).splitlines() or [""])[0][:160].rstrip(". ") or type(problem).__name__


def _nearest(model: str) -> str:
    """A model of a similar name that the cache holds."""
    from huggingface_hub import constants

    folders = Path(constants.HF_HUB_CACHE).glob("models--*")
    cached_models = [folder.name.removeprefix("models--").replace("--", "/") for folder in folders]
    close = difflib.get_close_matches(model, [name for name in cached_models if name != model], n=1, cutoff=0.8)
    return f" Did you mean {close[0]}, which the hub cache holds?" if close else ""
