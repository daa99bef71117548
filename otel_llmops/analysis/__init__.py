"""Pure functions from Arrow to Arrow, one question a file."""
