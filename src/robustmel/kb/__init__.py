"""The knowledge base: entities by id and by name."""

from robustmel.kb.knowledge_base import KnowledgeBase

__all__ = ["KnowledgeBase"]
