import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from otel_llmops.sdk import RevisionDetector
from otel_llmops.sdk.revision import program_directory, revision

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = "ff" * 20

Git = Callable[..., str]


@pytest.fixture
def git() -> Git:
    found = shutil.which("git")
    assert found is not None

    def run(directory: Path, *words: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        command = [found, "-C", str(directory), *identity, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    return run


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    return root


def test_the_revision_is_the_head_of_the_branch(repository: Path, git: Git) -> None:
    below = repository / "package" / "deep"
    below.mkdir(parents=True)
    assert revision({}, below) == git(repository, "rev-parse", "HEAD")


def test_a_detached_head_is_read(repository: Path, git: Git) -> None:
    git(repository, "checkout", "-q", "--detach")
    assert revision({}, repository) == git(repository, "rev-parse", "HEAD")


def test_packed_references_are_read(repository: Path, git: Git) -> None:
    git(repository, "pack-refs", "--all")
    assert revision({}, repository) == git(repository, "rev-parse", "HEAD")


def test_a_linked_work_tree_has_its_own_head(repository: Path, git: Git, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "-b", "side", str(linked))
    git(linked, "commit", "-q", "--allow-empty", "-m", "second")
    assert revision({}, linked) == git(linked, "rev-parse", "HEAD")


def test_a_branch_without_a_commit_has_no_revision(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    assert revision({}, tmp_path) is None


def test_a_variable_of_a_ci_service_wins(repository: Path) -> None:
    assert revision({"GITHUB_SHA": COMMIT, "GIT_COMMIT": OTHER}, repository) == COMMIT


@pytest.mark.parametrize("value", ["", "main", "v1.2.3", COMMIT[:7], COMMIT + "zz"])
def test_a_variable_that_is_no_commit_is_passed_over(value: str, repository: Path) -> None:
    assert revision({"GITHUB_SHA": value}, repository) == revision({}, repository)


@pytest.mark.parametrize("head", [b"", b"\xff\xfe", b"ref: refs/heads/\x00", b"ref: ../../x"])
def test_a_broken_head_gives_no_revision_or_an_error_that_is_guarded(
    head: bytes, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_bytes(head)
    resource = RevisionDetector(project_root=str(tmp_path)).detect()
    assert dict(resource.attributes) == {}


def test_a_detector_puts_the_revision_on_a_resource(repository: Path, git: Git) -> None:
    resource = RevisionDetector(project_root=str(repository)).detect()
    assert dict(resource.attributes) == {
        "vcs.ref.head.revision": git(repository, "rev-parse", "HEAD")
    }


def test_the_given_root_is_where_the_program_lives(tmp_path: Path) -> None:
    assert program_directory(str(tmp_path)) == tmp_path


def test_below_an_installed_main_module_the_program_is_where_we_stand(tmp_path: Path) -> None:
    server = tmp_path / "site-packages" / "server" / "__main__.py"
    server.parent.mkdir(parents=True)
    server.write_text(
        "from otel_llmops.sdk.revision import program_directory\nprint(program_directory(None))\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    command = [sys.executable, str(server)]
    run = subprocess.run(command, cwd=home, check=True, capture_output=True, text=True)
    assert run.stdout.strip() == str(home)


def test_a_script_says_where_the_program_lives(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from otel_llmops.sdk.revision import program_directory\nprint(program_directory(None))\n"
    )
    command = [sys.executable, str(script)]
    run = subprocess.run(command, cwd="/", check=True, capture_output=True, text=True)
    assert run.stdout.strip() == str(tmp_path)
