"""The web page: plain ES modules, one style sheet, and what serves them."""
