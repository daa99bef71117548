"""One file or one repository, read by itself: what the plan calls CodeParser."""

from pathlib import Path

from otel_llmops.topology.facts import FileFacts
from otel_llmops.topology.scan import Scan, scan
from otel_llmops.topology.source import parse, read
from otel_llmops.topology.walk import walk

__all__ = ["CodeParser"]


class CodeParser:
    """Reads Python code by its syntax tree; it is never imported or run."""

    def parse_file(self, filepath: str | Path) -> FileFacts:
        """Imports, functions and classes of one file, with their metrics.

        Raises: source.Refused, with line and message, where it is not Python; OSError.
        """
        source = read(Path(filepath).read_bytes())
        return walk(parse(source), source)

    def parse_repository(self, repo_path: str | Path) -> Scan:
        """All Python files below a folder; see `scan`."""
        return scan(Path(repo_path))
