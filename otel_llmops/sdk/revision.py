"""The revision of the repository that runs, from the environment or .git, without a subprocess."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from opentelemetry.sdk.resources import Resource, ResourceDetector

from otel_llmops import git
from otel_llmops.sdk import attributes as names
from otel_llmops.sdk.code_location import is_installed
from otel_llmops.sdk.guard import Guard

# what CI services and platforms call the commit that they build or run, the general ones last
_VARIABLES = (
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "CIRCLE_SHA1",
    "BUILDKITE_COMMIT",
    "BITBUCKET_COMMIT",
    "BUILD_SOURCEVERSION",
    "TRAVIS_COMMIT",
    "DRONE_COMMIT_SHA",
    "VERCEL_GIT_COMMIT_SHA",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "HEROKU_BUILD_COMMIT",
    "HEROKU_SLUG_COMMIT",
    "GIT_COMMIT",
    "COMMIT_SHA",
    "SOURCE_VERSION",
)


def revision(environment: Mapping[str, str], start: Path) -> str | None:
    """The commit that runs, or None where it is not known.

    In:     `start`, a directory inside the work tree.
    Out:    40 (SHA-1) or 64 (SHA-256) hex digits: HEAD as checked out; changes that are not
            committed do not show in it.
    Edge:   A CI service's environment variable wins over .git: an image built there has no .git.
            References kept in the reftable format are not read.
    Cost:   at most five small files, once for each processor.
    """
    for variable in _VARIABLES:
        value = environment.get(variable, "").strip().lower()
        if git.COMMIT.fullmatch(value):
            return value
    return git.head(start)


def program_directory(project_root: str | None) -> Path:
    """Where the user's program lives: the given root, the main module's directory, or here.

    A main module that is installed (a server, a test runner) says nothing of the program it runs.
    """
    if project_root is not None:
        return Path(project_root).absolute()
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if not main or is_installed(str(Path(main).absolute())):
        return Path.cwd()
    return Path(main).absolute().parent


class RevisionDetector(ResourceDetector):
    """Puts `vcs.ref.head.revision` on a resource, where a resource's facts belong.

    A resource cannot be changed once its provider is built, so a span processor cannot do this:
    `TracerProvider(resource=Resource.create().merge(RevisionDetector().detect()))`. Without it,
    AgentSpanProcessor writes the revision on the first span of each trace in this process.
    """

    def __init__(self, *, project_root: str | None = None, raise_on_error: bool = False) -> None:
        super().__init__(raise_on_error)
        self._project_root = project_root

    def detect(self) -> Resource:
        """A resource with the revision alone, empty where it is unknown or already given."""
        found = None
        with Guard("revision"):
            if names.REVISION not in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
                found = revision(os.environ, program_directory(self._project_root))
        return Resource({names.REVISION: found} if found else {})
