"""Captured OTLP files, analysed without a server.

Strategy: the same decoder and the same analysis as the engine's, over everything at once; the
document that `analyze --json` prints is made here, so that a program and a person see one answer.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from otel_llmops.analysis.derive import Derived, analyse
from otel_llmops.analysis.quality import WEIGHTS
from otel_llmops.errors import DecodeError
from otel_llmops.otlp import decode_traces, requests_of

__all__ = ["analyze", "captured", "report"]

_SUFFIXES = (".binpb", ".json", ".jsonl")


def analyze(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> Derived:
    """Analyse captured OTLP trace requests.

    In:     as `captured`.
    Out:    the tables of analysis.derive.analyse.
    Raises: DecodeError, if a path holds no such file, or a file is not OTLP; it names the file.
    """
    return analyse(captured(paths, progress))


def captured(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> pa.Table:
    """The spans of captured OTLP trace requests.

    In:     files, or folders that are searched for them: `.binpb` request bodies, `.json` and
            `.jsonl` as the OpenTelemetry Collector's file exporter writes them. `progress` hears
            (files done, files) after each file.
    Out:    SPANS.
    Raises: DecodeError, if a path holds no such file, or a file is not OTLP; it names the file.
    """
    files = _files(paths)
    decoded = []
    for done, file in enumerate(files, start=1):
        decoded.append(decode_traces(requests_of(file.read_bytes(), str(file))))
        if progress is not None:
            progress(done, len(files))
    return pa.concat_tables(decoded)


def report(tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    """The document of `otel-llmops analyze --json`: sessions in the order of their start.

    Traces that hold no operation (they only build agents, say) are no sessions of anybody's.
    """
    handoffs = _by_session(tables["agent_handoffs"])
    agents = _by_session(tables["agents"])
    drifts = {
        row["handoff_id"]: {"score": row["score"], "method": row["method"]}
        for row in tables["context_drift"].drop_columns(["started_at"]).to_pylist()
    }
    rows = tables["sessions"].filter(pc.greater(tables["sessions"]["operations"], 0))
    rows = rows.sort_by([("started_at", "ascending"), ("session_id", "ascending")])
    return {
        "sessions": [
            _session(
                row,
                handoffs.get(row["session_id"], []),
                agents.get(row["session_id"], []),
                drifts,
            )
            for row in rows.drop_columns(["started_at", "ended_at"]).to_pylist()
        ]
    }


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if _is_capture(p))
            if not found:
                raise DecodeError(
                    f"{path} holds no captured OTLP", hint=f"looked for {', '.join(_SUFFIXES)}"
                )
            files += found
        elif path.is_file():
            files.append(path)
        else:
            raise DecodeError(f"{path} does not exist", hint="give a file or a folder")
    return files


def _is_capture(path: Path) -> bool:
    """Whether a file in a folder is traces: not the reading copy, truth or logs beside them."""
    if path.suffix == ".binpb":
        return not path.name.startswith(("logs", "metrics"))
    if path.suffix not in _SUFFIXES:
        return False
    with path.open("rb") as file:
        return b"resourceSpans" in file.read(4096)


def _by_session(table: pa.Table) -> dict[str, list[dict[str, Any]]]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in table.drop_columns(["started_at"]).to_pylist():
        grouped.setdefault(row["session_id"], []).append(row)
    return grouped


def _session(
    row: dict[str, Any],
    handoffs: list[dict[str, Any]],
    agents: list[dict[str, Any]],
    drifts: Mapping[str, dict[str, Any]],
) -> dict[str, Any]:
    return {
        "session_id": row["session_id"],
        "trace_ids": json.loads(row["trace_ids"]),
        "agents": json.loads(row["agents"]),
        "handoffs": [
            {
                "from": handoff["from_agent"],
                "to": handoff["to_agent"],
                "kind": handoff["kind"],
                "order": handoff["ordinal"],
                "quality": handoff["quality"],
                "quality_parts": {name: handoff[name] for name in WEIGHTS},
                "quality_confidence": handoff["quality_confidence"],
                "drift": drifts[handoff["handoff_id"]],
                "confidence": handoff["confidence"],
                "evidence": json.loads(handoff["evidence"]),
            }
            for handoff in handoffs
        ],
        "llm_calls": row["llm_calls"],
        "input_tokens": row["input_tokens"],
        "output_tokens": row["output_tokens"],
        "tokens_by_agent": {
            agent["agent"]: {
                name: agent[name]
                for name in ("llm_calls", "input_tokens", "output_tokens", "cost_usd")
            }
            for agent in agents
        },
        "errors": row["errors"],
        "cost_usd": row["cost_usd"],
        "residual_tokens": row["residual_tokens"],
        "drift_score": row["drift_score"],
    }
