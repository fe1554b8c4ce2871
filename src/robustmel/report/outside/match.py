"""Which file of predictions was made on which set, by the hash it carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from robustmel.errors import MissingError, UsageError
from robustmel.report.outside.published import Published
from robustmel.report.outside.submission import Submission

UNSAID = "does not say on which set it was made, so that was not checked."


@dataclass(frozen=True)
class Matched:
    """A file and its set.

    Args:
        submission: The file.
        published: The set whose mentions it answers.
        clean: Whether it was made on the unperturbed images.
        linker: Whose it is.
        checked: Whether the file carries the set's hash.
    """

    submission: Submission
    published: Published
    clean: bool
    linker: str
    checked: bool


def matched(sets: Sequence[Published], perturbed: Sequence[Submission], clean: Sequence[Submission]) -> list[Matched]:
    """Finds the set of every file.

    Args:
        sets: The published sets.
        perturbed: Files on perturbed images, or on clean ones where they carry the hash of the clean set.
        clean: Files on clean images.

    Raises:
        UsageError: Two files say the same thing, a file says nothing and there are several sets, or a file belongs to no linker.
        MissingError: A file was made on another set.
    """
    found = [_match(one, sets, None) for one in perturbed] + [_match(one, sets, True) for one in clean]
    attacked = list(dict.fromkeys(one.linker for one in found if not one.clean))
    if len(attacked) == 1:  # a clean file without a name belongs to the only linker there is
        found = [_renamed(one, attacked[0]) if one.clean and "linker" not in one.submission.header else one for one in found]
    seen: dict[tuple[object, ...], Path] = {}
    for one in found:
        if one.clean and attacked and one.linker not in attacked:
            raise UsageError(
                f'{one.submission.path} is about linker "{one.linker}", and the perturbed predictions are about'
                f" {', '.join(attacked)}; give both files the same linker in their first lines."
            )
        which = one.published.hashes.clean_set if one.clean else one.published.hashes.set
        place = (one.linker, one.submission.task, which)
        if place in seen:
            raise UsageError(
                f"{seen[place]} and {one.submission.path} both answer for linker {one.linker}, {one.submission.task}, on one set; name"
                " the linkers in the files' first lines."
            )
        seen[place] = one.submission.path
    return found


def _match(submission: Submission, sets: Sequence[Published], clean: bool | None) -> Matched:
    said = submission.set
    if said is None:
        if len({one.hashes.clean_set if clean else one.hashes.set for one in sets}) > 1:
            raise UsageError(
                f"{submission.path} does not say on which of the {len(sets)} sets it was made; its first line can:"
                ' {"set": "...", "linker": "..."} (docs/predictions.md).'
            )
        return Matched(submission, sets[0], bool(clean), submission.linker, False)
    for one in sets:
        if said == one.hashes.set and not clean:
            return Matched(submission, one, False, submission.linker, True)
        if said == one.hashes.clean_set:
            return Matched(submission, one, True, submission.linker, True)
    known = ", ".join(f"{one.folder} is {one.hashes.set} (clean: {one.hashes.clean_set})" for one in sets)
    raise MissingError(
        f"{submission.path} was made on the set {said[:64]}, and {known}; predict on this set, or name that one."
    )


def _renamed(one: Matched, linker: str) -> Matched:
    return Matched(one.submission, one.published, one.clean, linker, one.checked)
