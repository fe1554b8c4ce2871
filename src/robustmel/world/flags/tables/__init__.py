"""The flags, as tables of facts: entity id -> what is painted in which order."""
