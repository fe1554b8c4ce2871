"""Defences that only look like some: each hides the gradient from an attack and makes no linker harder to fool.

They are no components of `DEFENCES`: grids of the selftest name them by their files.
"""
