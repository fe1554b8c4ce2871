"""Attacks on the knowledge base, one file each."""
