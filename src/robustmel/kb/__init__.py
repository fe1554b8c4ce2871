"""The knowledge base: entities by id and by name, and the trie of their names over a model's tokens."""

from robustmel.kb.knowledge_base import KnowledgeBase

__all__ = ["KnowledgeBase"]
