"""A page of docs/ followed as its reader does: files saved, commands run, outputs compared.

What is in a fence says what is done with it:

    ```python desk.py       saved under that name (yaml, json and toml as well)
    ```sh                   run by bash, in the folder where the block before ended
    ```sh background        started, and left running until the page ends
    ```text                 what the block before it prints; a line `…` stands for any lines
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.serving import DEADLINE_S, environment, free_ports, is_reachable, until

__all__ = ["Block", "Follower", "blocks", "following"]

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PORTS = ("4317", "4318", "8080", "14317", "14318", "17271", "8000")
_PORT = re.compile(rf"\b(?:{'|'.join(_PORTS)})\b")
_OTLP, _API = _PORTS[:2], _PORTS[2]
_FILES = frozenset({"python", "yaml", "json", "toml"})
_BASH = "/bin/bash"
_RETRY_S = 1.0
_STOP_S_MAX = 20
_VARYING = (
    (r"\b[0-9a-f]{10,40}\b", "HASH"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?", "TIME"),
    (r"\d[\d.,]* m?s\b", "DURATION"),
    (r" +", " "),
    (r"─+", "─"),
)
"""What differs from run to run: hashes, times, durations, and the widths that follow from them."""


@dataclass(frozen=True, slots=True)
class Block:
    """A fence: its language, the word after it, its text."""

    language: str
    argument: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fences of a page, in their order."""
    return [Block(*found.groups(default="")) for found in _FENCE.finditer(page)]


class Follower:
    """Somebody who works through a page in `folder`, on ports of his own."""

    def __init__(self, folder: Path, replaced: Mapping[str, str], **variables: str) -> None:
        self.ports = dict(zip(_PORTS, map(str, free_ports(len(_PORTS))), strict=True))
        self._replaced = replaced
        self._running: list[subprocess.Popen[bytes]] = []
        checkout = folder / "otel-llmops"
        checkout.mkdir()
        (checkout / ".venv").symlink_to(sys.prefix)
        self._place = folder / "place"
        self._place.write_text(str(checkout))
        grpc, http, api = (self.ports[name] for name in (*_OTLP, _API))
        self._environ = environment(
            PATH=f"{sys.prefix}/bin:{os.environ['PATH']}",
            HOME=str(folder),
            COLUMNS="100",
            PYTHONIOENCODING="utf-8",
            PIP_NO_INDEX="1",  # what is to be installed must be there: it is an extra of the tests
            GIT_CONFIG_NOSYSTEM="1",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{grpc}",
            OTEL_BSP_SCHEDULE_DELAY="500",  # spans leave sooner than a reader would have them
            OTEL_LLMOPS_DATA=str(folder / "data"),
            OTEL_LLMOPS_GRPC_PORT=grpc,
            OTEL_LLMOPS_HTTP_PORT=http,
            OTEL_LLMOPS_API_PORT=api,
            **variables,
        )

    @property
    def folder(self) -> Path:
        """Where the last block ended."""
        return Path(self._place.read_text().strip())

    def follow(self, steps: list[Block]) -> None:
        """Do what every block says, in their order."""
        for block, after in zip(steps, [*steps[1:], None], strict=True):
            if block.language in _FILES:
                assert block.argument, f"a file without a name:\n{block.text}"
                (self.folder / block.argument).write_text(self._here(block.text), encoding="utf-8")
            elif block.language == "sh" and block.argument == "background":
                self._launch(block)
            elif block.language == "sh":
                shown = after.text if after is not None and after.language == "text" else None
                self._do(block, shown)
            else:
                assert block.language == "text", block

    def close(self) -> None:
        """Ctrl-C in every terminal."""
        for process in reversed(self._running):
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(_STOP_S_MAX)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _here(self, text: str) -> str:
        for written, there in self._replaced.items():
            text = text.replace(written, there)
        return re.sub(_PORT, lambda found: self.ports[found[0]], text)

    def _launch(self, block: Block) -> None:
        process = subprocess.Popen(
            [_BASH, "-c", f"exec {self._here(block.text)}"],
            cwd=self.folder,
            env=self._environ,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._running.append(process)
        awaited = re.findall(_PORT, block.text)
        if "otel-llmops serve" in block.text:
            awaited = [*(awaited or _OTLP), _API]

        def ready() -> bool:
            assert process.poll() is None, f"ended with {process.returncode}: {block.text}"
            return all(is_reachable(int(self.ports[name])) for name in awaited)

        until(ready, what=block.text)

    def _do(self, block: Block, shown: str | None) -> None:
        """Run it; again, where it prints something else than is shown: spans take a second."""
        end = time.monotonic() + DEADLINE_S
        while True:
            ran = subprocess.run(
                [_BASH, "-euo", "pipefail", "-c", f"{self._here(block.text)}\npwd >{self._place}"],
                cwd=self.folder,
                env=self._environ,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                timeout=DEADLINE_S,
                check=False,
            )
            if shown is None or _fits(ran.stdout, shown) or time.monotonic() > end:
                break
            time.sleep(_RETRY_S)
        assert ran.returncode == 0, f"{block.text}\n{ran.stdout}"
        assert shown is None or _fits(ran.stdout, shown), f"{block.text}\n{ran.stdout}"


@contextmanager
def following(
    folder: Path, replaced: Mapping[str, str] | None = None, **variables: str
) -> Iterator[Follower]:
    """A follower, who reads other texts in place of those in `replaced`; all he started ends."""
    follower = Follower(folder, replaced or {}, **variables)
    try:
        yield follower
    finally:
        follower.close()


def _fits(printed: str, shown: str) -> bool:
    lines = [
        r"(.*\n)*" if line == "…" else re.escape(f"{line}\n")
        for line in _comparable(shown).splitlines()
    ]
    return re.fullmatch("".join(lines), _comparable(printed)) is not None


def _comparable(text: str) -> str:
    for pattern, word in _VARYING:
        text = re.sub(pattern, word, text)
    return "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"
