# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""OTLP trace requests to Arrow, in C: the native decoder, which equals the reference bit for bit.

Strategy: one pass over the wire bytes straight into the buffers of SPANS, without the GIL and
without an object a span. Reading goes through `next_field` and `next_piece`, which check every
length against the end of the message; writing goes through `room`, which makes space first.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from pyarrow import RecordBatch

include "_wire.pxi"
include "_validity.pxi"
include "_shelf.pxi"
include "_buffers.pxi"
include "_numbers.pxi"
include "_values.pxi"
include "_batch.pxi"
include "_spans.pxi"
include "_decode.pxi"
include "_check.pxi"
include "_json.pxi"


class Refused(Exception):
    """The request as a whole: args are the fault's number, the byte, and what it names."""


cdef enum:
    # below this a hand-over of the GIL costs more than the work
    GIL_BYTES_MIN = 4096


cdef object _raise(int done, const Fault* fault):
    if done == FAULT:
        raise Refused(fault.code, fault.at, fault.number)
    if done == TOO_LARGE:
        raise OverflowError("a column of one batch would be larger than 2 GiB")
    raise MemoryError


cdef void _point(Source* source, bytes payload):
    source.data = <const uint8_t*><const char*>payload
    source.size = len(payload)
    source.refused = NULL
    source.refused_count = 0


def check(bytes payload not None, bounds):
    """The number of spans, and the refused ones as pairs (ordinal, reason).

    Raises: Refused, where the request is refused as a whole.
    """
    cdef Checking work
    cdef int done
    cdef int64_t* pairs
    memset(&work, 0, sizeof(Checking))
    _point(&work.source, payload)
    (
        work.bounds.records, work.bounds.attributes, work.bounds.events, work.bounds.links,
        work.bounds.record_fields, work.bounds.request_attributes, work.bounds.spread_bytes,
    ) = bounds
    if work.source.size < GIL_BYTES_MIN:
        done = check_request(&work)
    else:
        with nogil:
            done = check_request(&work)
    try:
        if done != OK:
            _raise(done, &work.fault)
        pairs = <int64_t*>work.refused.data
        return work.records, [
            (pairs[2 * place], pairs[2 * place + 1]) for place in range(work.refused.size // 16)
        ]
    finally:
        free_buffer(&work.refused)


def decode(list payloads not None, list refused not None, schema, int64_t batch_bytes_max):
    """The spans of `payloads` as record batches of `schema`, which is SPANS.

    `refused` holds, for each payload, the ordinals to leave out, ascending: arrays of int64.

    Raises: Refused, OverflowError (text of one batch beyond 2 GiB), MemoryError.
    """
    cdef Py_ssize_t count = len(payloads)
    cdef Source* sources = <Source*>calloc(count + 1, sizeof(Source))
    cdef Decoding work
    cdef int done
    memset(&work, 0, sizeof(Decoding))
    work.batch_bytes_max = batch_bytes_max
    if sources == NULL:
        raise MemoryError
    try:
        for place in range(count):
            _point(&sources[place], payloads[place])
            _point_refused(&sources[place], refused[place])
            work.to_come += sources[place].size
        if work.to_come < GIL_BYTES_MIN:
            done = decode_all(&work, sources, count)
        else:
            with nogil:
                done = decode_all(&work, sources, count)
        if done != OK:
            _raise(done, &work.fault)
        return _handed_over(&work, schema)
    finally:
        free_decoding(&work)
        for place in range(count):
            free(<void*>sources[place].refused)
        free(sources)


cdef void _point_refused(Source* source, const int64_t[::1] ordinals) except *:
    cdef Py_ssize_t count = ordinals.shape[0]
    cdef int64_t* made
    if count == 0:
        return
    made = <int64_t*>malloc(count * sizeof(int64_t))
    if made == NULL:
        raise MemoryError
    memcpy(made, &ordinals[0], count * sizeof(int64_t))
    source.refused = made
    source.refused_count = count


cdef list _handed_over(Decoding* work, schema):
    cdef list found = []
    cdef Batch* batch
    cdef ArrowArray* root
    while work.first != NULL:
        batch = work.first
        work.first = batch.next
        if batch.rows == 0 and (found or work.first != NULL):
            free_batch(batch)
            continue
        root = tree(batch)
        try:
            found.append(RecordBatch._import_from_c(<uintptr_t>root, schema))
        except BaseException:
            if root.release != NULL:
                root.release(root)
            raise
    return found


def text_of_double(double number):
    """What a finite double is as text."""
    cdef Buffer out
    cdef uint64_t bits
    memset(&out, 0, sizeof(Buffer))
    memcpy(&bits, &number, 8)
    if put_double(&out, bits) != OK:
        raise MemoryError
    try:
        return (<const char*>out.data)[:out.size].decode("ascii")
    finally:
        free_buffer(&out)
