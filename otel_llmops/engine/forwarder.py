"""The journal's requests passed on, as they came, to one destination.

Strategy: a consumer of its own. It reads at its own pace, insists for as long as the destination is
away, and holds nobody up: the journal keeps only so much for it, and what it missed because of that
is written down. A request is passed on at least once: the cursor moves behind what was taken.
"""

import logging
import threading
from pathlib import Path
from typing import Protocol

from otel_llmops.engine.cursor import Cursor
from otel_llmops.engine.insistence import Insistence, StoppedError, waiting_for_disk
from otel_llmops.engine.missed import Missed
from otel_llmops.engine.quarantine import Quarantine
from otel_llmops.errors import PermanentExport, UnsupportedSignal
from otel_llmops.journal import Disk, Reader, Record, make_directory
from otel_llmops.otlp import Encoding, Request, Signal, as_protobuf

__all__ = ["Forwarder", "Sender"]

_log = logging.getLogger(__name__)

_BATCH_BYTES = 2**20
"""What is passed on once more after a crash, at the most."""
_TICK_S = 0.2
_RETRY_S_MIN, _RETRY_S_MAX = 0.2, 30.0


class Sender(Protocol):
    """Where requests go."""

    def send(self, payload: bytes, signal: Signal) -> int:
        """Have one protobuf request taken; how many of its records were refused.

        Raises: RetryableExport, PermanentExport.
        """

    def close(self) -> None:
        """Release the destination."""


class Forwarder:
    """One destination's thread of work; `name` is how it is called in figures and sentences."""

    def __init__(self, name: str, reader: Reader, sender: Sender, directory: Path) -> None:
        self._name = name
        self._sender = sender
        self._disk = Disk()
        make_directory(self._disk, directory)
        self._quarantine = Quarantine(directory / "quarantine", self._disk)
        waits = {"wait_s_min": _RETRY_S_MIN, "wait_s_max": _RETRY_S_MAX}
        self._calls = Insistence(f"nothing is passed on to {name} at the moment", **waits)
        self._disk_calls = Insistence(f"passing on to {name} waits for the disk", **waits)
        self._cursor = Cursor(reader, self._disk_calls, batch_bytes=_BATCH_BYTES)
        self._missed = Missed(directory, self._disk, self._disk_calls)
        counts = ("requests", "bytes", "records_refused", "requests_unsupported")
        self._counts = dict.fromkeys(counts, 0)

    @property
    def name(self) -> str:
        """How it is called in figures and sentences."""
        return self._name

    @property
    def consumer(self) -> str:
        """Its name in the journal."""
        return self._cursor.reader.consumer

    def run(self, stop: threading.Event) -> None:
        """Pass on until `stop`; whatever goes wrong is waited out."""
        while not stop.is_set():
            try:
                if not self._pass_on(stop):
                    stop.wait(_TICK_S)
            except StoppedError:
                break
            except Exception:  # noqa: BLE001 - a boundary: one destination's trouble is nobody else's
                _log.exception("passing on to %s failed; it goes on", self._name)
                self._cursor.reader.seek(self._cursor.committed)
                stop.wait(_RETRY_S_MAX)
        self._sender.close()

    def notes(self) -> list[str]:
        """What an operator should know: what is waited for, what was missed."""
        found = [each for each in (self._calls.trouble, self._disk_calls.trouble) if each]
        return found + self._missed.note(self._name)

    def figures(self) -> dict[str, float]:
        """Counts since the start, and how it stands; from any thread."""
        return {
            **self._counts,
            "retries": self._calls.retries,
            "quarantined": len(self._quarantine),
            "missed_ranges": len(self._missed),
            "up": int(self._calls.trouble is None),
        }

    def _pass_on(self, stop: threading.Event) -> bool:
        """Pass on the next requests; whether there were any."""
        records = self._cursor.read(stop)
        self._missed.hear(self._cursor.reader, stop)
        self._cursor.reader.damage()  # which the store's own consumer keeps
        for record in records:
            self._send(record, stop)
        self._cursor.commit(self._cursor.reader.position, stop)
        return bool(records)

    def _send(self, record: Record, stop: threading.Event) -> None:
        signal = Signal(record.signal)
        try:
            payload = as_protobuf(
                Request(record.payload, Encoding(record.encoding), tuple(record.rejected)), signal
            )
            refused = self._calls.insist(lambda: self._sender.send(payload, signal), stop)
        except UnsupportedSignal:
            self._counts["requests_unsupported"] += 1
            return
        except PermanentExport as error:
            self._refused(record, error, stop)
            return
        self._counts["requests"] += 1
        self._counts["bytes"] += len(payload)
        self._counts["records_refused"] += refused

    def _refused(self, record: Record, error: PermanentExport, stop: threading.Event) -> None:
        _log.error("%s refuses the request at %s: %s", self._name, record.position, error)

        def put() -> None:
            with waiting_for_disk():
                self._quarantine.put(record, str(error))

        self._disk_calls.insist(put, stop)
