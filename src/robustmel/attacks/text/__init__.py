"""Attacks on the sentence of a mention: one file each. What several share is named for what it is."""
