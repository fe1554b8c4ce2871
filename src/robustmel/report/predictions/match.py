"""Which file of predictions was made on which set, by the hash it carries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from robustmel.errors import MissingError, UsageError
from robustmel.report.predictions.published import PublishedSet
from robustmel.report.predictions.submission import Submission

UNSAID = "does not name its set, so the set was not checked."


@dataclass(frozen=True)
class Matched:
    """A file and its set, and whether the file carries the set's hash (`checked`)."""

    submission: Submission
    published: PublishedSet
    clean: bool
    linker: str
    checked: bool


def matched(sets: Sequence[PublishedSet], perturbed: Sequence[Submission], clean: Sequence[Submission]) -> list[Matched]:
    """Finds the set of every file.

    Raises:
        UsageError: Two files say the same thing, a file says nothing and there are several sets, or a file belongs to no linker.
        MissingError: A file was made on another set.
    """
    matches = [_match(submission, sets, None) for submission in perturbed] + [
        _match(submission, sets, True) for submission in clean
    ]
    attacked = list(dict.fromkeys(match.linker for match in matches if not match.clean))
    if len(attacked) == 1:  # a clean file without a name belongs to the only linker there is
        matches = [
            replace(match, linker=attacked[0]) if match.clean and "linker" not in match.submission.header else match
            for match in matches
        ]
    seen: dict[tuple[object, ...], Path] = {}
    for match in matches:
        if match.clean and attacked and match.linker not in attacked:
            raise UsageError(
                f'{match.submission.path} names linker "{match.linker}", but the perturbed predictions name'
                f" {', '.join(attacked)}; give both files the same linker in their first lines."
            )
        set_hash = match.published.hashes.clean_set if match.clean else match.published.hashes.set
        place = (match.linker, match.submission.task, set_hash)
        if place in seen:
            raise UsageError(
                f"{seen[place]} and {match.submission.path} hold predictions of {match.linker}, {match.submission.task}, on one set; name"
                " the linkers in the files' first lines."
            )
        seen[place] = match.submission.path
    return matches


def _match(submission: Submission, sets: Sequence[PublishedSet], clean: bool | None) -> Matched:
    digest = submission.set
    if digest is None:
        if len({published.hashes.clean_set if clean else published.hashes.set for published in sets}) > 1:
            raise UsageError(
                f"{submission.path} does not say which of the {len(sets)} sets it answers; add a first line:"
                ' {"set": "...", "linker": "..."}, with the set or clean_set that perturbation.json beside the images states.'
            )
        return Matched(submission, sets[0], bool(clean), submission.linker, False)
    for published in sets:
        if digest == published.hashes.set and not clean:
            return Matched(submission, published, False, submission.linker, True)
        if digest == published.hashes.clean_set:
            return Matched(submission, published, True, submission.linker, True)
    known = ", ".join(
        f"{published.folder} is {published.hashes.set} (clean: {published.hashes.clean_set})" for published in sets
    )
    raise MissingError(f"{submission.path} answers the set {digest[:64]}, but {known}; predict on this set, or name that one.")
