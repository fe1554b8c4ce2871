"""From a poison as the user asks for it to the job that makes it."""

import hashlib

from robustmel.columnar import taken
from robustmel.poisoning.poisoning import Poisoning
from robustmel.poisoning.selection import Records, selected
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.components import ComponentSpec, attack_spec
from robustmel.run.grid import AttackSpec
from robustmel.run.jobs import Candidates, Demos, Poison, Split
from robustmel.run.keys import canonical, kb_digest, mentions_digest


def poison_attack(attack: Component, what: str, problems: list[str]) -> ComponentSpec | None:
    """The attack that edits records; None for "none", or with a problem noted where it cannot."""
    made = None if attack.name == "none" else attack_spec(AttackSpec(attack), problems)
    if made is not None and (made.loaded.modality != "text" or made.loaded.needs != "nothing"):
        problems.append(f"{what}: only a text attack that asks no linker can poison data")
        return None
    return made


def poison_of(
    of: Split | Candidates | Demos, attack: ComponentSpec | None, how: Poisoning, seed: int, name: str, builder: Builder
) -> Poison:
    """The job that poisons some records.

    Raises:
        UsageError: No record is about an entity that is asked for.
    """
    trained = of.linker.training if isinstance(of, Demos) else None
    if trained is not None:
        return Poison(of, f"demonstrations of {trained.key}", attack, how, seed, name)
    records = builder.records(of)
    data = _digest(records, how)
    if attack is not None and getattr(attack.loaded, "knows_records", False):
        data += mentions_digest(records.dataset, records.mentions) + kb_digest(records.kb)
    return Poison(of, data, attack, how, seed, name)


def _digest(records: Records, how: Poisoning) -> str:
    """Of what may be chosen and what is edited; of images their names, since nobody looks into them."""
    hashed = hashlib.blake2b(records.dataset.encode("utf-8", "replace") + b"\x00", digest_size=20)
    for mention in taken(records.mentions, selected(records, how)):
        image = None if mention.image is None or not how.swap_images else mention.image.name
        hashed.update(canonical([mention.id, mention.gold, mention.surface, mention.text, mention.span, image]).encode())
    return hashed.hexdigest()
