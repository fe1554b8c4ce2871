"""Which records are poisoned and how, what was done to each of them, and how it looks."""
