"""The messages of Jaeger's storage API, from the descriptor of proto/."""

from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

__all__ = ["PACKAGE", "message"]

PACKAGE = "jaeger.storage.v2"
_IMPORTED = (Duration, Timestamp, TracesData)
"""What the descriptor refers to is in the pool once these are imported."""


def _registered() -> descriptor_pool.DescriptorPool:
    pool = descriptor_pool.Default()
    found = FileDescriptorSet.FromString(
        files("otel_llmops.api.jaeger").joinpath("storage.binpb").read_bytes()
    )
    for file in found.file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _registered()


def message(name: str) -> Any:
    """The class of a message of the package."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))
