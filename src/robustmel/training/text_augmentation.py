"""Training texts edited on the fly."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from robustmel.item_seeds import item_seed
from robustmel.training.recipe_defences import TextAugmentation
from robustmel.types import Query


def edited_queries(queries: Sequence[Query], how: TextAugmentation, seed: int, epoch: int) -> dict[int, Query]:
    """Place -> the query with its text edited, for those that are drawn in this epoch and can be edited.

    What happens to a query depends on the seed, the epoch and its id alone.
    """
    draws = [Random(item_seed(seed, f"text augmentation {epoch}", query.id)) for query in queries]
    places = [place for place, dice in enumerate(draws) if dice.random() < how.share]
    seeds = [draws[place].getrandbits(63) for place in places]
    chosen = [queries[place] for place in places]
    edits = how.made.perturb(chosen, None, [None] * len(chosen), seeds) if chosen else []
    return {
        place: replace(query, text=edit.text, surface=edit.surface, span=edit.span)
        for place, query, edit in zip(places, chosen, edits, strict=True)
        if edit.text != query.text
    }
