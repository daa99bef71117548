"""The repository as a graph: scanned from source, never imported or run."""
