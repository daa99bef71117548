"""UUIDs made of names: the same code has the same ids in every scan."""

import uuid
from collections.abc import Iterable
from hashlib import sha1

import numpy as np
import pyarrow as pa

__all__ = ["identifier", "identifiers"]

_NAMESPACE = uuid.UUID("6f0b3d5e-6c1f-5d0a-9d3f-0d6b7f1c2a11")
"""Ours alone, drawn once: with it the ids are those of `uuid.uuid5(_NAMESPACE, name)`."""

_DASHES = (8, 13, 18, 23)
_LENGTH = 36
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def identifier(name: str) -> str:
    """The id of one name."""
    return str(uuid.uuid5(_NAMESPACE, name))


def identifiers(names: Iterable[str]) -> pa.StringArray:
    """The ids of many names, in their order.

    Out:    as `identifier` gives them, text of 36 characters.
    Cost:   one SHA-1 a name; the rest in arrays.
    """
    prefix = _NAMESPACE.bytes
    digests = b"".join(
        [sha1(prefix + name.encode(), usedforsecurity=False).digest()[:16] for name in names]
    )
    octets = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16).copy()
    count = len(octets)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x50  # RFC 9562: version 5
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80  # and its variant
    text = np.full((count, _LENGTH), ord("-"), dtype=np.uint8)
    places = [place for place in range(_LENGTH) if place not in _DASHES]
    digits = np.empty((count, 32), dtype=np.uint8)
    digits[:, 0::2] = _HEX[octets >> 4]
    digits[:, 1::2] = _HEX[octets & 0x0F]
    text[:, places] = digits
    offsets = np.arange(0, (count + 1) * _LENGTH, _LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))
