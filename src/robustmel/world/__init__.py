"""The embedded world: entities whose flags can be drawn from facts, so that images need neither a download nor a licence."""
