"""Nearest texts and nearest vectors, for candidates and for demonstrations."""
