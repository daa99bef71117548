# What upb accepts of a message: framing, nesting and UTF-8, by tables made from the descriptors.

cdef enum:
    KIND_ANYTHING = 0
    KIND_TEXT = 1
    KIND_MESSAGE = 2

# Rows of the table that this extension knows by name; others follow.
cdef enum:
    RESOURCE_ENVELOPE = 0
    SCOPE_ENVELOPE = 1
    SPAN = 2
    EVENT = 3
    LINK = 4
    STATUS = 5
    KEY_VALUE = 6
    RESOURCE_NEST = 7

# Levels that may nest below each, counted as protobuf does: 100 below the request.
cdef enum:
    RESOURCE_DEPTH = 99
    SCOPE_DEPTH = 98
    SPAN_DEPTH = 97
    DEPTH_MAX = 100

cdef enum:
    KINDS_WIDTH = 32
    KINDS_ROWS = 32

cdef uint8_t[KINDS_ROWS][KINDS_WIDTH] KINDS


def learn(rows):
    """Take the messages' tables: for each field number 0, 1 (text) or 2 + the row of a message."""
    cdef int row, number, kind
    if len(rows) > KINDS_ROWS:
        raise ImportError("there are more messages than tables")
    for row in range(len(rows)):
        for number in range(KINDS_WIDTH):
            KINDS[row][number] = KIND_ANYTHING
        for number, kind in rows[row].items():
            if not 0 < number < KINDS_WIDTH or not 0 <= kind < KIND_MESSAGE + len(rows):
                raise ImportError(f"field {number} of message {row} fits no table")
            KINDS[row][number] = <uint8_t>kind


cdef inline int kind_of(int row, uint32_t tag) noexcept nogil:
    if tag & 7 != LEN or tag >> 3 >= KINDS_WIDTH:
        return KIND_ANYTHING
    return KINDS[row][tag >> 3]


cdef inline bint utf8(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """Is it UTF-8: shortest forms only, no surrogates, nothing above U+10FFFF."""
    cdef uint64_t word
    while end - at >= 8:
        memcpy(&word, at, 8)
        if word & <uint64_t>0x8080808080808080:
            return utf8_rest(at, end)
        at += 8
    while at < end:
        if at[0] & 0x80:
            return utf8_rest(at, end)
        at += 1
    return True


cdef bint utf8_rest(const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef uint64_t word
    cdef uint8_t first, second
    cdef int more
    while at < end:
        first = at[0]
        if first < 0x80:
            at += 1
            while end - at >= 8:
                memcpy(&word, at, 8)
                if word & <uint64_t>0x8080808080808080:
                    break
                at += 8
            continue
        if first < 0xC2 or first > 0xF4:
            return False
        more = 1 if first < 0xE0 else 2 if first < 0xF0 else 3
        if end - at <= more:
            return False
        second = at[1]
        if second & 0xC0 != 0x80:
            return False
        if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
            return False
        if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
            return False
        if more > 1 and at[2] & 0xC0 != 0x80:
            return False
        if more > 2 and at[3] & 0xC0 != 0x80:
            return False
        at += more + 1
    return True


cdef int valid(int row, const uint8_t* at, const uint8_t* end, int depth) noexcept nogil:
    """OK if upb reads the message, below which `depth` levels may nest."""
    cdef Field field
    if depth < 0:
        return MALFORMED
    while at < end:
        at = next_field(at, end, depth, &field)
        if at == NULL or valid_value(kind_of(row, field.tag), &field, depth) != OK:
            return MALFORMED
    return OK


cdef inline int valid_value(int kind, const Field* field, int depth) noexcept nogil:
    if kind == KIND_ANYTHING:
        return OK
    if kind == KIND_TEXT:
        return OK if utf8(field.start, field.end) else MALFORMED
    return valid(kind - KIND_MESSAGE, field.start, field.end, depth - 1)


# --- the attributes that nearly all are ------------------------------------------------------

cdef struct Plain:
    uint8_t tag
    const uint8_t* key
    int64_t key_bytes
    uint64_t value
    const uint8_t* text
    int64_t text_bytes


cdef inline bint plain(const uint8_t* at, const uint8_t* end, Plain* found) noexcept nogil:
    """Is the KeyValue a key and one plain value, in this order and nothing else, framed well?

    No says only that it has to be read in full. The texts are not looked into.
    """
    cdef Field field
    if end - at < 2 or at[0] != 0x0A or at[1] >= 0x80 or end - at < 2 + at[1]:
        return False
    found.key = at + 2
    found.key_bytes = at[1]
    at += 2 + at[1]
    if at >= end or at[0] != 0x12:
        return False
    if next_raw(at + 1, end, 0x12, &field) != end:
        return False
    at = field.start
    found.tag = 0
    if at == end:
        return True
    found.tag = at[0]
    if at[0] == 0x0A:
        if next_raw(at + 1, end, 0x0A, &field) != end:
            return False
        found.text = field.start
        found.text_bytes = field.end - field.start
        return True
    if at[0] == 0x18 or at[0] == 0x10:
        return varint(at + 1, end, VARINT_BYTES_MAX, &found.value) == end
    if at[0] == 0x21 and end - at == 9:
        memcpy(&found.value, at + 1, 8)
        return True
    return False


cdef inline int valid_attribute(const uint8_t* at, const uint8_t* end, int depth) noexcept nogil:
    cdef Plain found
    if not plain(at, end, &found):
        return valid(KEY_VALUE, at, end, depth)
    if not utf8(found.key, found.key + found.key_bytes):
        return MALFORMED
    if found.tag == 0x0A and not utf8(found.text, found.text + found.text_bytes):
        return MALFORMED
    return OK
