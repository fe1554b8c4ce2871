"""GEMEL: a generative linker. A frozen language model writes the entity's name after an image, a text and demonstrations."""
