"""What a loader's remarks and the findings of a check mean, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from robustmel.errors import printable

EXAMPLES = 3

MEANINGS: dict[str, tuple[str, str]] = {
    "no_text": ("mentions have no sentence", "Their query text is the surface alone; add text where there is one."),
    "no_image": (
        "mentions name no usable image",
        "Tasks with images answer them with the error no_image; add image, or use the task T2T.",
    ),
    "image_outside": (
        "image paths lead out of the image folder and are not read",
        "Put the files into the folder, or give it with --images.",
    ),
    "image_url": ("images are web addresses, which are not fetched", "Download the files and name them by their paths."),
    "images_missing": (
        "mentions name an image file that is not there",
        "Give the right folder with --images, or add the files; until then they get the error image_missing.",
    ),
    "images_broken": (
        "mentions have an image that cannot be decoded or is refused",
        "Replace the files; until then they get the error image_decode or image_refused.",
    ),
    "images_converted": (
        "images are not plain 8-bit RGB and are converted when read",
        "Nothing need be done: the converted image is the clean input of every attack.",
    ),
    "entity_images_missing": (
        "image files of entities are not there",
        "Add them, or take them out of images in the entities file.",
    ),
    "entity_images_broken": ("image files of entities cannot be decoded or are refused", "Replace them."),
    "gold_not_in_kb": (
        "gold ids are unknown to the knowledge base",
        "Add the entities, or write null for NIL; until then they score wrong.",
    ),
    "gold_not_in_candidates": (
        "mentions do not have their gold entity among their candidates",
        "They stay and score wrong; recall is printed beside accuracy.",
    ),
    "unknown_candidates": (
        "candidates are unknown to the knowledge base and left out",
        "Add the entities, or remove the candidates.",
    ),
    "repeated_candidates": ("candidates stand twice in their list; the first is kept", "Remove the repetitions."),
    "nil_candidates": ("candidates are NIL and left out", "Remove them: an empty answer is NIL already."),
    "empty_candidates": (
        "mentions have an empty candidate list",
        "Their answer is NIL; fill the list, or choose a candidate generator.",
    ),
    "partial_candidates": (
        "mentions have no candidate list although others have one",
        "Add candidates to them, or choose a candidate generator.",
    ),
    "span_mismatch": (
        "spans do not hold the surface",
        "Correct [start, end): characters from 0, end exclusive; until then the surface is looked up in the text.",
    ),
    "without_span": (
        "mentions could not be placed in their sentence (no occurrence, or several)",
        "Add span; methods that change or mask the mention skip them.",
    ),
    "recovered_punctuation": (
        "surfaces stand in their sentence with other punctuation",
        "They are placed by their letters and digits.",
    ),
    "recovered_gap": (
        "surfaces stand in their sentence with other words between theirs",
        "They are placed by the shortest stretch that holds their words in order.",
    ),
    "recovered_order": (
        "surfaces stand in their sentence with their words in another order",
        "They are placed by the shortest stretch that holds their words.",
    ),
    "percent_encoded": ("mentions are percent-encoded", "They are decoded."),
    "dirty_addresses": ("addresses have stray letters before them", "The letters are left out."),
    "nameless_entities": (
        "entities have no name in the files and are called by their id",
        "Give a knowledge base that names them (kb).",
    ),
    "no_knowledge_base": (
        "file of entities is not there; the knowledge base is what the mentions speak of",
        "Put it into the folder, or give one (kb).",
    ),
    "repeated_entities": ("entities stand in the knowledge base twice and are merged", "Remove the repetitions."),
    "split_files_missing": ("files of splits are not there", "Only the other splits can be asked for."),
    "qid2id_not_one_line": (
        "qid2id.json has several lines",
        "MIMIC's own code reads the first one alone; nothing is lost here.",
    ),
    "qid2id_differs": (
        "ids in qid2id.json differ from those in kb_entity.json",
        "kb_entity.json is what is read here; other code may score other entities.",
    ),
    "tables_missing": ("tables of entities are not there", "Entities then have a name alone."),
    "table_lines_without_separator": ("lines of a table do not split in two and are not read", "Correct or remove them."),
    "table_lines_with_stray_separator": (
        "lines of a table have a second separator, which is kept as text",
        "Nothing need be done.",
    ),
    "boxes_negative": ("boxes begin outside the image", "They are clipped."),
    "boxes_beyond_image": ("boxes reach beyond the image", "They are clipped."),
    "boxes_unchecked": ("boxes could not be compared with their image, which is not there", "Give the images."),
    "boxes_unreadable": ("boxes are no list of four numbers", "The whole picture is shown."),
    "boxes_empty": ("boxes hold no part of the image", "The whole picture is shown."),
    "not_cropped": ("pictures are not cropped (no box, or no readable picture)", "They are shown whole."),
    "no_surface": (
        "mentions have no surface that would not be the answer",
        "Their query text is the sentence alone.",
    ),
    "candidates_of_one_name": (
        "candidates share their name with another",
        "Linkers that read names alone cannot tell them apart.",
    ),
    "marks_missing": ("texts do not have one pair of marks around the mention", "They are kept without a span."),
    "pickles_ignored": ("pickled files are never read", "Nothing is lost for linking: they hold what can be made again."),
    "features_missing": ("images have no features in the HDF5 file", "Linkers that read features cannot answer these."),
    "not_in_given_kb": ("entities of the data set are not in the knowledge base given", "They are added to it."),
    "records_without_mentions": ("records hold no mention", "Nothing need be done."),
    "empty_split_files": ("files of splits are empty", "Fetch them again."),
    "no_training_mentions": (
        "no mention is for training, so none is popular",
        "Ask for popularity where there is a training split.",
    ),
    "single_file_left_out": ("files of the whole set lie beside those of its splits and are not read", "Nothing need be done."),
    "candidate_images_missing": ("candidates name no image", "Nothing need be done."),
    "candidates_of_no_mention": ("candidate lists are for mentions that are not there", "They are not used."),
    "nameless_candidates": (
        "candidates are unknown to the knowledge base and are added to it, called by their id",
        "Give a knowledge base that names them (kb).",
    ),
    "several_names": ("entities occur under several names", "The first is the label, the others are aliases."),
    "unlocated": ("surfaces do not occur verbatim in their sentence", "Correct surface or text."),
    "repeated": ("surfaces occur several times in their sentence", "Give span to say which occurrence is meant."),
    "empty_surfaces": ("surfaces are empty", "Write the mention as it stands in the sentence."),
    "empty_names": ("entities have an empty name", "Give them one: linkers read it."),
    "replaced_characters": (
        "characters (NUL or half a surrogate pair) were replaced by U+FFFD",
        "Write the texts again as UTF-8.",
    ),
    "ignored_keys": ("keys are unknown to the format and not read", "Nothing need be done, or map them with fields (--field)."),
    "duplicates": (
        "mentions repeat another one (same sentence, span, surface, image and gold)",
        "Remove them: they count twice.",
    ),
    "contradictions": (
        "mentions equal another one that has a different gold",
        "No linker can get both right; correct or remove one.",
    ),
    "leaks": (
        "mentions share image or sentence with an earlier split",
        "Split by record, so that training shows nothing of the test.",
    ),
    "label_leaks": ("mentions have an id that is the answer", "Linkers never see it; keep it out of file names too."),
    "odd_splits": ("mentions have a split other than train, validation and test", "Nothing need be done: name it in the grid."),
    "no_split": ("mentions belong to no split", 'Add split, or evaluate with split = "all".'),
}
"""Reason -> what is the case (after a count), and the way out."""


@dataclass(frozen=True)
class Finding:
    """One kind of remark.

    Args:
        reason: Key of `MEANINGS`, or a loader's own.
        count: How often.
        examples: The first places or ids.
        detail: More about it, or "".
    """

    reason: str
    count: int
    examples: tuple[str, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        meaning, way_out = MEANINGS.get(self.reason, (self.reason.replace("_", " "), ""))
        detail = f" ({self.detail})" if self.detail else ""
        first = "; ".join(printable(example) for example in self.examples[:EXAMPLES])
        return f"{self.reason} ({self.count:,}): {meaning}{detail}{f'; first: {first}' if first else ''}. {way_out}".rstrip()


def finding(reason: str, examples: Iterable[str], detail: str = "") -> Finding:
    """A finding counted from all its examples."""
    listed = list(examples)
    return Finding(reason, len(listed), tuple(listed[:EXAMPLES]), detail)
