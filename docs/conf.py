"""Sphinx configuration; build with ``python -m sphinx -W docs docs/_build``."""

import os
from importlib.metadata import version as installed_version

# The gallery's figures need no screen.
os.environ.setdefault("MPLBACKEND", "Agg")

project = "skrnn"
author = "The skrnn developers"
copyright = "2026, the skrnn developers"  # noqa: A001  sphinx's name
version = release = installed_version("skrnn")

extensions = ["numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx_gallery.gen_gallery"]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "furo"
autosummary_generate = True
numpydoc_show_class_members = False
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "download_all_examples": False,
    "within_subsection_order": "ExampleTitleSortKey",
}
