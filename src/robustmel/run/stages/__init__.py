"""The stages: nouns in, nouns out. They parse no options, print nothing, and know no paths but the folder they fill."""
