"""A seed for every item, so that no item's draws depend on its neighbours or on the order of work."""

import hashlib


def item_seed(stage_seed: int, component: str, item: str) -> int:
    """A seed of 63 bits for one item, the same in every process and on every machine."""
    digest = hashlib.blake2b(f"{stage_seed}\x00{component}\x00{item}".encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
