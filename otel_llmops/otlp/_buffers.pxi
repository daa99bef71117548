# Memory that grows, and columns of text made of it. Whoever grows it checks; Arrow frees it.

cdef struct Buffer:
    uint8_t* data
    int64_t size
    int64_t capacity


cdef struct Text:
    Buffer offsets
    Buffer data


cdef struct Map:
    Buffer rows
    Text keys
    Text values


# What may be written behind `size` without asking, so that short copies have one length.
cdef enum:
    SLACK = 32
    CAPACITY_MIN = 128

cdef int64_t COLUMN_BYTES_MAX = 0x7FFF_FFFF


cdef int grow(Buffer* buffer, int64_t more) noexcept nogil:
    cdef int64_t capacity = max(
        buffer.size + more + SLACK, buffer.capacity + buffer.capacity // 2, CAPACITY_MIN
    )
    cdef void* data
    if buffer.size + more > COLUMN_BYTES_MAX:
        return TOO_LARGE
    data = take(&capacity)
    if data == NULL:
        return NO_MEMORY
    if buffer.size > 0:
        memcpy(data, buffer.data, buffer.size)
    give(buffer.data, buffer.capacity)
    buffer.data = <uint8_t*>data
    buffer.capacity = capacity
    return OK


cdef inline int room(Buffer* buffer, int64_t more) noexcept nogil:
    if buffer.size + more + SLACK <= buffer.capacity:
        return OK
    return grow(buffer, more)


cdef inline int put(Buffer* buffer, const void* data, int64_t size) noexcept nogil:
    cdef int done = room(buffer, size)
    if done == OK and size > 0:
        memcpy(buffer.data + buffer.size, data, size)
        buffer.size += size
    return done


cdef inline int put_byte(Buffer* buffer, uint8_t byte) noexcept nogil:
    cdef int done = room(buffer, 1)
    if done == OK:
        buffer.data[buffer.size] = byte
        buffer.size += 1
    return done


cdef inline int put_int32(Buffer* buffer, int32_t number) noexcept nogil:
    cdef int done = room(buffer, 4)
    if done == OK:
        memcpy(buffer.data + buffer.size, &number, 4)
        buffer.size += 4
    return done


cdef inline int put_int64(Buffer* buffer, int64_t number) noexcept nogil:
    cdef int done = room(buffer, 8)
    if done == OK:
        memcpy(buffer.data + buffer.size, &number, 8)
        buffer.size += 8
    return done


cdef inline int end_text(Text* text) noexcept nogil:
    """What was written to `text.data` since the last end is one more row."""
    return put_int32(&text.offsets, <int32_t>text.data.size)


cdef inline int put_text(Text* text, const uint8_t* data, int64_t size) noexcept nogil:
    cdef int done = put(&text.data, data, size)
    return done if done != OK else end_text(text)


cdef inline int put_near(Text* text, const uint8_t* data, int64_t size,
                         const uint8_t* limit) noexcept nogil:
    """As `put_text`, faster where SLACK bytes can be read behind `data` before `limit`."""
    cdef int done = room(&text.data, size)
    if done != OK:
        return done
    if size > SLACK or 0 < size and limit - data < SLACK:
        memcpy(text.data.data + text.data.size, data, size)
    elif size > 0:
        memcpy(text.data.data + text.data.size, data, SLACK)
    text.data.size += size
    return end_text(text)


cdef inline int64_t rows_of(const Text* text) noexcept nogil:
    return text.offsets.size // 4 - 1


cdef inline void cut(Text* text, int64_t rows) noexcept nogil:
    """Forget all rows but the first `rows`."""
    cdef int32_t size
    memcpy(&size, text.offsets.data + 4 * rows, 4)
    text.offsets.size = 4 * (rows + 1)
    text.data.size = size


cdef int begin_text(Text* text, int64_t rows, int64_t size) noexcept nogil:
    """Room for so many rows and bytes; more of either may come."""
    cdef int done = grow(&text.offsets, 4 * (rows + 1))
    if done == OK:
        done = put_int32(&text.offsets, 0)
    return done if done != OK else grow(&text.data, size)


cdef int begin_map(Map* column, int64_t rows, int64_t entries, int64_t key_bytes,
                   int64_t value_bytes) noexcept nogil:
    cdef int done = grow(&column.rows, 4 * (rows + 1))
    if done == OK:
        done = put_int32(&column.rows, 0)
    if done == OK:
        done = begin_text(&column.keys, entries, key_bytes)
    return done if done != OK else begin_text(&column.values, entries, value_bytes)


cdef inline int end_map(Map* column) noexcept nogil:
    """The entries written since the last end are one more row."""
    return put_int32(&column.rows, <int32_t>rows_of(&column.keys))


cdef int repeat_bytes(Buffer* buffer, const uint8_t* data, int64_t size,
                      int64_t count) noexcept nogil:
    cdef int64_t whole = size * count
    cdef int64_t written = size
    cdef uint8_t* start
    cdef int done = room(buffer, whole)
    if done != OK or whole == 0:
        return done
    start = buffer.data + buffer.size
    memcpy(start, data, size)
    while written < whole:
        memcpy(start + written, start, min(written, whole - written))
        written += min(written, whole - written)
    buffer.size += whole
    return OK


cdef int repeat_ends(Buffer* offsets, const int32_t* ends, int64_t rows, int64_t first,
                     int64_t step, int64_t count) noexcept nogil:
    """Append `ends` `count` times, counted from `first`, and from `step` more each time."""
    cdef int64_t turn, row
    cdef int32_t* place
    cdef int done = room(offsets, 4 * rows * count)
    if done != OK:
        return done
    place = <int32_t*>(offsets.data + offsets.size)
    for turn in range(count):
        for row in range(rows):
            place[row] = <int32_t>(first + ends[row])
        place += rows
        first += step
    offsets.size += 4 * rows * count
    return OK


cdef int repeat_text(Text* text, const Text* one, int64_t count) noexcept nogil:
    """Append the rows of `one`, all of them, `count` times."""
    cdef int64_t first = text.data.size
    cdef int done = repeat_bytes(&text.data, one.data.data, one.data.size, count)
    if done != OK:
        return done
    return repeat_ends(&text.offsets, <const int32_t*>one.offsets.data + 1, rows_of(one), first,
                       one.data.size, count)


cdef inline void free_buffer(Buffer* buffer) noexcept nogil:
    give(buffer.data, buffer.capacity)


cdef void free_text(Text* text) noexcept nogil:
    free_buffer(&text.offsets)
    free_buffer(&text.data)


cdef void free_map(Map* column) noexcept nogil:
    free_buffer(&column.rows)
    free_text(&column.keys)
    free_text(&column.values)
