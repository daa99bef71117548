# Requests into batches: the envelopes around the spans, refused spans left out, large batches cut.

cdef enum:
    RESOURCES = 1
    SCOPES = 2
    RECORDS = 2

cdef enum:
    # as tags: the Resource in its envelope, the scope in its, and their fields
    RESOURCE = 0x0A
    RESOURCE_ATTRIBUTES = 0x0A
    SCOPE = 0x0A
    SCOPE_NAME = 0x0A
    SCOPE_VERSION = 0x12


cdef struct Source:
    const uint8_t* data
    int64_t size
    const int64_t* refused
    int64_t refused_count


# what every row of a scope repeats, as columns of one row
cdef struct Envelopes:
    bint resource_read
    bint scope_read
    Text resource_wire
    Text scope_wire
    Map resource_attributes
    Text service
    Text scope_name
    Text scope_version


cdef struct Decoding:
    int64_t batch_bytes_max
    int64_t to_come
    Batch* first
    Batch* batch
    int64_t wire_bytes
    Source source
    int64_t ordinal
    int64_t refused_at
    int64_t part_rows
    int64_t part_bytes
    Envelopes envelopes
    Scratch scratch
    Fault fault


cdef void free_decoding(Decoding* work) noexcept nogil:
    free_text(&work.envelopes.resource_wire)
    free_text(&work.envelopes.scope_wire)
    free_map(&work.envelopes.resource_attributes)
    free_text(&work.envelopes.service)
    free_text(&work.envelopes.scope_name)
    free_text(&work.envelopes.scope_version)
    free_buffer(&work.scratch.items)
    free_all(work.first)


cdef int begin_batch(Decoding* work) noexcept nogil:
    cdef Batch* batch = new_batch(min(work.to_come, 2 * work.batch_bytes_max))
    if batch == NULL:
        return NO_MEMORY
    if work.first == NULL:
        work.first = batch
    else:
        work.batch.next = batch
    work.batch = batch
    work.wire_bytes = 0
    return OK


cdef int begin_envelopes(Envelopes* made) noexcept nogil:
    cdef int done = begin_text(&made.resource_wire, 1, 0)
    if done == OK:
        done = begin_text(&made.scope_wire, 1, 0)
    if done == OK:
        done = begin_map(&made.resource_attributes, 1, 8, 0, 0)
    if done == OK:
        done = begin_text(&made.service, 1, 0)
    if done == OK:
        done = begin_text(&made.scope_name, 1, 0)
    return done if done != OK else begin_text(&made.scope_version, 1, 0)


cdef int decode_all(Decoding* work, const Source* sources, int64_t count) noexcept nogil:
    cdef int64_t place
    cdef int done = begin_envelopes(&work.envelopes)
    if done == OK:
        done = begin_batch(work)
    for place in range(count):
        if done == OK:
            work.source = sources[place]
            work.ordinal = 0
            work.refused_at = 0
            done = decode_request(work)
            work.to_come -= work.source.size
    return done


cdef int decode_request(Decoding* work) noexcept nogil:
    cdef const uint8_t* base = work.source.data
    cdef const uint8_t* end = base + work.source.size
    cdef const uint8_t* at = base
    cdef Piece piece
    cdef Fault fault
    cdef int done
    while at < end:
        done = next_piece(base, at, end, &piece, &work.fault)
        if done == OK and piece.number == RESOURCES and piece.wire_type == LEN:
            done = decode_resource(work, piece.start, piece.end)
        elif done == OK and piece.number == 0:
            done = refuse(&work.fault, FIELD_ZERO, at - base, 0)
        if done != OK:
            # the framing of the whole comes first, wherever reading stopped
            if outline(&work.source, NULL, &fault) != OK:
                work.fault = fault
                return FAULT
            return done
        at = piece.end
    return OK


cdef int decode_resource(Decoding* work, const uint8_t* start, const uint8_t* end) noexcept nogil:
    cdef Envelopes* made = &work.envelopes
    cdef const uint8_t* at = start
    cdef Piece piece
    cdef int done
    made.resource_read = False
    done = put_rest(work, &made.resource_wire, start, end, SCOPES)
    while done == OK and at < end:
        done = next_piece(work.source.data, at, end, &piece, &work.fault)
        if done == OK and piece.number == SCOPES and piece.wire_type == LEN:
            done = decode_scope(work, piece.start, piece.end)
        at = piece.end
    return done


cdef int put_rest(Decoding* work, Text* column, const uint8_t* start, const uint8_t* end,
                  uint64_t number) noexcept nogil:
    """Make `column` the one row of all fields of an envelope but `number`."""
    cdef const uint8_t* at = start
    cdef Piece piece
    cdef int done = OK
    cut(column, 0)
    while done == OK and at < end:
        done = next_piece(work.source.data, at, end, &piece, &work.fault)
        if done == OK and (piece.number != number or piece.wire_type != LEN):
            if piece.number == 0:
                return refuse(&work.fault, FIELD_ZERO, at - work.source.data, 0)
            done = put(&column.data, at, piece.end - at)
        at = piece.end
    return done if done != OK else end_text(column)


cdef int decode_scope(Decoding* work, const uint8_t* start, const uint8_t* end) noexcept nogil:
    cdef Envelopes* made = &work.envelopes
    cdef const uint8_t* at = start
    cdef Piece piece
    cdef int done
    made.scope_read = False
    done = put_rest(work, &made.scope_wire, start, end, RECORDS)
    while done == OK and at < end:
        done = next_piece(work.source.data, at, end, &piece, &work.fault)
        if done == OK and piece.number == RECORDS and piece.wire_type == LEN:
            if not refused(work):
                done = decode_record(work, piece.start, piece.end)
            work.ordinal += 1
        at = piece.end
    return done if done != OK else end_part(work)


cdef inline bint refused(Decoding* work) noexcept nogil:
    cdef const int64_t* refused_ = work.source.refused
    while work.refused_at < work.source.refused_count:
        if refused_[work.refused_at] >= work.ordinal:
            return refused_[work.refused_at] == work.ordinal
        work.refused_at += 1
    return False


cdef int decode_record(Decoding* work, const uint8_t* start, const uint8_t* end) noexcept nogil:
    cdef Envelopes* made = &work.envelopes
    cdef int done
    if not made.resource_read or not made.scope_read:
        done = read_envelopes(work)
        if done != OK:
            return done
    done = put_span(&work.scratch, work.batch, start, end, work.source.data + work.source.size)
    if done != OK:
        return refuse(&work.fault, SPAN_MALFORMED, 0, 0) if done == MALFORMED else done
    work.part_rows += 1
    work.part_bytes += end - start + made.resource_wire.data.size + made.scope_wire.data.size
    return end_part(work) if work.part_bytes >= work.batch_bytes_max else OK


cdef int end_part(Decoding* work) noexcept nogil:
    """Repeat the envelopes for the rows since the last part, and cut the batch if it is full."""
    cdef Envelopes* made = &work.envelopes
    cdef Batch* batch = work.batch
    cdef int64_t rows = work.part_rows
    cdef int done
    if rows == 0:
        return OK
    work.part_rows = 0
    work.wire_bytes += work.part_bytes
    work.part_bytes = 0
    done = repeat_text(&batch.resource_wire, &made.resource_wire, rows)
    if done == OK:
        done = repeat_text(&batch.scope_wire, &made.scope_wire, rows)
    if done == OK:
        done = repeat_text(&batch.service, &made.service, rows)
    if done == OK:
        done = repeat_text(&batch.scope_name, &made.scope_name, rows)
    if done == OK:
        done = repeat_text(&batch.scope_version, &made.scope_version, rows)
    if done == OK:
        done = repeat_map(&batch.resource_attributes, &made.resource_attributes, rows)
    if done != OK:
        return done
    return begin_batch(work) if work.wire_bytes >= work.batch_bytes_max else OK


cdef int repeat_map(Map* column, const Map* one, int64_t count) noexcept nogil:
    cdef int64_t entries = rows_of(&one.keys)
    cdef int32_t row_end = <int32_t>entries
    cdef int done = repeat_ends(&column.rows, &row_end, 1, rows_of(&column.keys), entries, count)
    if done == OK:
        done = repeat_text(&column.keys, &one.keys, count)
    return done if done != OK else repeat_text(&column.values, &one.values, count)


cdef int read_envelopes(Decoding* work) noexcept nogil:
    cdef Envelopes* made = &work.envelopes
    cdef const uint8_t* start
    cdef int done = OK
    if not made.resource_read:
        start = made.resource_wire.data.data
        done = read_resource(work, start, start + made.resource_wire.data.size)
        made.resource_read = True
    if done == OK and not made.scope_read:
        start = made.scope_wire.data.data
        done = read_scope(made, start, start + made.scope_wire.data.size)
        made.scope_read = True
    return refuse(&work.fault, ENVELOPE_MALFORMED, 0, 0) if done == MALFORMED else done


cdef int read_resource(Decoding* work, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Map* column = &work.envelopes.resource_attributes
    cdef int64_t base = work.scratch.items.size
    cdef Field field
    cdef int done = valid(RESOURCE_ENVELOPE, at, end, RESOURCE_DEPTH)
    cut(&column.keys, 0)
    cut(&column.values, 0)
    while done == OK and at < end:
        at = next_field(at, end, RESOURCE_DEPTH, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == RESOURCE:
            done = gather(&work.scratch, field.start, field.end, RESOURCE_ATTRIBUTES)
    if done == OK:
        done = put_items(&work.scratch, column, base)
    return done if done != OK else find_service(&work.envelopes)


cdef int find_service(Envelopes* made) noexcept nogil:
    cdef Text* keys = &made.resource_attributes.keys
    cdef Text* values = &made.resource_attributes.values
    cdef const int32_t* key_ends = <const int32_t*>keys.offsets.data
    cdef const int32_t* ends = <const int32_t*>values.offsets.data
    cdef int64_t row
    cut(&made.service, 0)
    for row in range(rows_of(keys)):
        if key_ends[row + 1] - key_ends[row] != 12:
            continue
        if memcmp(keys.data.data + key_ends[row], b"service.name", 12) == 0:
            return put_text(
                &made.service, values.data.data + ends[row], ends[row + 1] - ends[row]
            )
    return end_text(&made.service)


cdef int read_scope(Envelopes* made, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef const uint8_t* inner
    cdef Field field, part
    cdef View name, version
    cdef int done = valid(SCOPE_ENVELOPE, at, end, SCOPE_DEPTH)
    memset(&name, 0, sizeof(View))
    memset(&version, 0, sizeof(View))
    while done == OK and at < end:
        at = next_field(at, end, SCOPE_DEPTH, &field)
        if at == NULL:
            return MALFORMED
        inner = field.start if field.tag == SCOPE else field.end
        while field.tag == SCOPE and inner < field.end:
            inner = next_field(inner, field.end, SCOPE_DEPTH - 1, &part)
            if inner == NULL:
                return MALFORMED
            if part.tag == SCOPE_NAME:
                look(&name, &part)
            elif part.tag == SCOPE_VERSION:
                look(&version, &part)
    cut(&made.scope_name, 0)
    cut(&made.scope_version, 0)
    if done == OK:
        done = put_text(&made.scope_name, name.data, name.size)
    return done if done != OK else put_text(&made.scope_version, version.data, version.size)
