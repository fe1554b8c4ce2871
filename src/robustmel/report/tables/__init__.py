"""The same summaries as terminal text, Markdown, LaTeX, CSV and JSON: one file each."""
