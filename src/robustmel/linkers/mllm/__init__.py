"""Multimodal language models run here, as linkers: one file a family; prompts, scoring, the check against the library's own path."""
