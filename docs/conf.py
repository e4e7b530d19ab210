"""How does Sphinx build the pages of this folder?"""

from pypet_ng import __version__

project = "pypet_ng"
author = "the pypet_ng developers"
copyright = "2026, the pypet_ng developers"
version = release = __version__

extensions = [
    "myst_nb",  # pages of Markdown, too
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Pages that are notebooks are executed, in a folder that is thrown away; what fails or warns fails the build.
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_output_stderr = "warn"
nb_merge_streams = True

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_maximum_signature_line_length = 88
napoleon_google_docstring = False
# Types of the signature are not repeated in docstrings, so there are no targets to miss.
nitpicky = False

html_theme = "pydata_sphinx_theme"
html_title = "pypet_ng"
html_theme_options = {
    "navbar_align": "left",
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"why": [], "first-steps": [], "changelog": [], "file-format": []}
html_show_sourcelink = False
