"""The static page: one HTML file and the images beside it; it opens from the file system and asks no network."""

from robustmel.report.page.write import write_page

__all__ = ["write_page"]
