"""Defences that change each image before a linker sees it, one file each."""
