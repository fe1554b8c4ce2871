"""LLM-RetLink: the image described in words, evidence retrieved for each candidate, one sentence of it in place of its name."""
