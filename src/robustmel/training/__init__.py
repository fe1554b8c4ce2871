"""Training of linkers: a recipe and data sets in, a checkpoint folder in the Hugging Face layout out."""
