"""Wikidata and Wikipedia, asked politely."""
