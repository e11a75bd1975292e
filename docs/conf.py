"""Sphinx configuration; CONTRIBUTING.md has the command that builds the site."""

import os
from importlib.metadata import version as installed_version

# The figures need no screen.
os.environ.setdefault("MPLBACKEND", "Agg")

project = "skrnn"
author = "The skrnn developers"
copyright = "2026, the skrnn developers"  # noqa: A001  sphinx's name
version = release = installed_version("skrnn")

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
maximum_signature_line_length = 60  # a longer signature has a line for each parameter

autosummary_generate = True
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"
numpydoc_use_plots = True  # an example that imports matplotlib shows its figure

# The figures of the guide are drawn by the scripts in docs/figures.
plot_formats = [("png", 110)]
plot_include_source = True  # of the examples in docstrings
plot_html_show_formats = False
plot_html_show_source_link = False

sphinx_gallery_conf = {
    "abort_on_example_error": True,
    "backreferences_dir": None,
    "download_all_examples": False,
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": "ExampleTitleSortKey",
    "write_computation_times": False,
}

# Everything that a page loads is on the site itself, so that it can be read without a network.
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_context = {"default_mode": "auto"}
html_favicon = "_static/icon.svg"
html_title = "skrnn"
html_show_sourcelink = False
html_theme_options = {
    "footer_end": [],
    "footer_start": ["copyright"],
    "header_links_before_dropdown": 6,
    "navbar_end": ["theme-switcher"],
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_sidebars = {"index": [], "coming_from": [], "what_to_expect": []}
