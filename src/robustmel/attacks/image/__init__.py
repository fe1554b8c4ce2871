"""Attacks on the image of a mention: one file each. What several share is named for what it is."""
