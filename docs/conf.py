"""Sphinx: Markdown by MyST, the furo theme, nothing fetched from anywhere."""

from __future__ import annotations

from bonded import __version__

project = "Bonded"
author = "The Bonded developers"
copyright = "The Bonded developers"
version = release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns: list[str] = []
source_suffix = {".md": "markdown"}
nitpicky = True

html_theme = "furo"
html_title = f"Bonded {version}"
html_static_path = ["_static"]
html_css_files = ["bonded.css"]
html_show_sourcelink = False
html_copy_source = False
