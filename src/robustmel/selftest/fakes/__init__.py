"""Fake defences: each hides the gradient from attacks without making a linker harder to fool.

They are no components of `DEFENCES`: grids of the selftest name them by their files.
"""
