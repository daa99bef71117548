# The wire format, twice: as envelopes are cut (wire.py, whose faults name the byte), and as upb
# reads records (which say only that they are malformed).

cdef enum:
    VARINT = 0
    FIXED64 = 1
    LEN = 2
    GROUP_START = 3
    GROUP_END = 4
    FIXED32 = 5

cdef enum:
    SHORT_BYTES_MAX = 5
    VARINT_BYTES_MAX = 10
    GROUP_DEPTH_MAX = 100
    GROUP_FIELDS_MAX = 10_000

cdef uint64_t TAG_MAX = 0xFFFF_FFFF
cdef uint64_t SIZE_MAX_ = 0x7FFF_FFFF

# What a function of this extension answers; less than zero ends the whole work.
cdef enum:
    OK = 0
    SLOW = 1
    MALFORMED = -1
    NO_MEMORY = -2
    TOO_LARGE = -3
    FAULT = -4

# Why a request is refused as a whole; native.py has the sentences, in this order.
cdef enum:
    PAST_THE_END = 0
    NUMBER_TOO_LONG = 1
    TAG_TOO_LARGE = 2
    WIRE_TYPE = 3
    GROUP_CLOSED_WRONG = 4
    GROUP_TOO_DEEP = 5
    GROUP_TOO_LONG = 6
    FIELD_ZERO = 7
    FIELDS_OF_A_KIND = 8
    TOO_MANY_RECORDS = 9
    SPREAD = 10
    ENVELOPE_MALFORMED = 11
    ENVELOPE_FIELDS = 12
    WEIGHT = 13
    SPAN_MALFORMED = 14


cdef struct Fault:
    int code
    int64_t at
    int64_t number


cdef inline int refuse(Fault* fault, int code, int64_t at, int64_t number) noexcept nogil:
    fault.code = code
    fault.at = at
    fault.number = number
    return FAULT


# --- envelopes -------------------------------------------------------------------------------

cdef struct Piece:
    uint64_t number
    int wire_type
    const uint8_t* tag
    const uint8_t* start
    const uint8_t* end


cdef int piece_varint(const uint8_t* base, const uint8_t** place, const uint8_t* end,
                      int bytes_max, uint64_t* value, Fault* fault) noexcept nogil:
    cdef const uint8_t* at = place[0]
    cdef uint64_t found = 0
    cdef int count
    for count in range(bytes_max):
        if at + count >= end:
            return refuse(fault, PAST_THE_END, at - base, 0)
        found |= <uint64_t>(at[count] & 0x7F) << (7 * count)
        if at[count] < 0x80:
            value[0] = found
            place[0] = at + count + 1
            return OK
    return refuse(fault, NUMBER_TOO_LONG, at - base, bytes_max)


cdef int piece_tag(const uint8_t* base, const uint8_t** place, const uint8_t* end,
                   uint64_t* number, int* wire_type, Fault* fault) noexcept nogil:
    cdef const uint8_t* at = place[0]
    cdef uint64_t tag = 0
    cdef int done = piece_varint(base, place, end, SHORT_BYTES_MAX, &tag, fault)
    if done != OK:
        return done
    if tag > TAG_MAX:
        return refuse(fault, TAG_TOO_LARGE, at - base, 0)
    number[0] = tag >> 3
    wire_type[0] = <int>(tag & 7)
    return OK


cdef int next_piece(const uint8_t* base, const uint8_t* at, const uint8_t* end,
                    Piece* piece, Fault* fault) noexcept nogil:
    """The field at `at` (before `end`), a group as one; its value is [start, end)."""
    cdef const uint8_t* place = at
    cdef uint64_t size = 0
    cdef int done = piece_tag(base, &place, end, &piece.number, &piece.wire_type, fault)
    if done != OK:
        return done
    piece.tag = at
    piece.start = place
    if piece.wire_type == LEN:
        done = piece_varint(base, &place, end, SHORT_BYTES_MAX, &size, fault)
        if done != OK:
            return done
        if size > SIZE_MAX_ or size > <uint64_t>(end - place):
            return refuse(fault, PAST_THE_END, at - base, 0)
        piece.start = place
        piece.end = place + size
        return OK
    if piece.wire_type == VARINT:
        done = piece_varint(base, &place, end, VARINT_BYTES_MAX, &size, fault)
        piece.end = place
        return done
    if piece.wire_type == GROUP_START:
        done = piece_group(base, &place, end, piece.number, fault)
        piece.end = place
        return done
    if piece.wire_type != FIXED64 and piece.wire_type != FIXED32:
        return refuse(fault, WIRE_TYPE, place - base, piece.wire_type)
    size = 8 if piece.wire_type == FIXED64 else 4
    if size > <uint64_t>(end - place):
        return refuse(fault, PAST_THE_END, place - base, 0)
    piece.end = place + size
    return OK


cdef int piece_group(const uint8_t* base, const uint8_t** place, const uint8_t* end,
                     uint64_t number, Fault* fault) noexcept nogil:
    cdef uint64_t[GROUP_DEPTH_MAX + 1] open_groups
    cdef const uint8_t* start = place[0]
    cdef const uint8_t* at = start
    cdef const uint8_t* value
    cdef Piece inner
    cdef uint64_t found = 0
    cdef int wire_type = 0, depth = 1, done
    open_groups[0] = number
    for _ in range(GROUP_FIELDS_MAX):
        if at >= end:
            return refuse(fault, PAST_THE_END, at - base, 0)
        value = at
        done = piece_tag(base, &value, end, &found, &wire_type, fault)
        if done != OK:
            return done
        if wire_type == GROUP_END:
            depth -= 1
            if found != open_groups[depth]:
                return refuse(fault, GROUP_CLOSED_WRONG, at - base, 0)
            if depth == 0:
                place[0] = value
                return OK
            at = value
        elif wire_type == GROUP_START:
            open_groups[depth] = found
            depth += 1
            if depth > GROUP_DEPTH_MAX:
                return refuse(fault, GROUP_TOO_DEEP, at - base, 0)
            at = value
        else:
            done = next_piece(base, at, end, &inner, fault)
            if done != OK:
                return done
            at = inner.end
    return refuse(fault, GROUP_TOO_LONG, at - base, GROUP_FIELDS_MAX)


# --- records ---------------------------------------------------------------------------------

cdef struct Field:
    uint32_t tag
    uint64_t value
    const uint8_t* start
    const uint8_t* end


cdef inline const uint8_t* varint(const uint8_t* at, const uint8_t* end, int bytes_max,
                                  uint64_t* value) noexcept nogil:
    """Behind the number at `at`, or NULL."""
    cdef uint64_t found = 0
    cdef int shift = 0
    while at < end and shift < 7 * bytes_max:
        found |= <uint64_t>(at[0] & 0x7F) << shift
        if at[0] < 0x80:
            value[0] = found
            return at + 1
        at += 1
        shift += 7
    return NULL


cdef inline const uint8_t* next_raw(const uint8_t* at, const uint8_t* end, uint32_t tag,
                                    Field* field) noexcept nogil:
    """Behind the value at `at` of a field that is no group, or NULL."""
    cdef uint64_t size = 0
    cdef uint32_t word = 0
    field.tag = tag
    if tag & 7 == LEN:
        if at < end and at[0] < 0x80:
            size = at[0]
            at += 1
        else:
            at = varint(at, end, SHORT_BYTES_MAX, &size)
            if at == NULL or size >= SIZE_MAX_:
                return NULL
        if size > <uint64_t>(end - at):
            return NULL
        field.start = at
        field.end = at + size
        return at + size
    if tag & 7 == VARINT:
        return varint(at, end, VARINT_BYTES_MAX, &field.value)
    if tag & 7 == FIXED64:
        if end - at < 8:
            return NULL
        memcpy(&field.value, at, 8)
        return at + 8
    if tag & 7 == FIXED32:
        if end - at < 4:
            return NULL
        memcpy(&word, at, 4)
        field.value = word
        return at + 4
    return NULL


cdef inline const uint8_t* read_tag(const uint8_t* at, const uint8_t* end,
                                    uint32_t* tag) noexcept nogil:
    cdef uint64_t long_tag = 0
    if at[0] < 0x80:
        tag[0] = at[0]
        return at + 1
    at = varint(at, end, SHORT_BYTES_MAX, &long_tag)
    if at == NULL or long_tag > TAG_MAX:
        return NULL
    tag[0] = <uint32_t>long_tag
    return at


cdef inline const uint8_t* next_field(const uint8_t* at, const uint8_t* end, int depth,
                                      Field* field) noexcept nogil:
    """Behind the field at `at` (before `end`), or NULL where upb would not read it.

    `depth` is how many levels may still nest below the message that the field is in.
    """
    cdef uint32_t tag = 0
    at = read_tag(at, end, &tag)
    if at == NULL or tag < 8:
        return NULL
    if tag & 7 == GROUP_START:
        field.tag = tag
        field.start = field.end = at
        return skip_group(at, end, tag >> 3, depth)
    return next_raw(at, end, tag, field)


cdef const uint8_t* skip_group(const uint8_t* at, const uint8_t* end, uint32_t number,
                               int depth) noexcept nogil:
    cdef uint32_t[GROUP_DEPTH_MAX + 1] open_groups
    cdef Field inner
    cdef uint32_t tag = 0
    cdef int opened = 1
    if depth < 1:
        return NULL
    open_groups[0] = number
    while opened > 0:
        if at >= end:
            return NULL
        at = read_tag(at, end, &tag)
        if at == NULL:
            return NULL
        if tag & 7 == GROUP_END:
            opened -= 1
            if tag >> 3 != open_groups[opened]:
                return NULL
        elif tag & 7 == GROUP_START:
            if opened >= depth or opened >= GROUP_DEPTH_MAX:
                return NULL
            open_groups[opened] = tag >> 3
            opened += 1
        else:
            at = next_raw(at, end, tag, &inner)
            if at == NULL:
                return NULL
    return at
