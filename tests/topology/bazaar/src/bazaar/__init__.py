"""A shop whose agents do their work in every way in which Python can call something."""

from bazaar.tools.search import find as look_up

__all__ = ["look_up"]
