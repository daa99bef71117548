# Spans into a batch: one pass over the bytes of each, every length checked as it is read.

cdef int64_t INT64_MAX_ = 0x7FFF_FFFF_FFFF_FFFF

# fields of Span, Event, Link and Status, as tags
cdef enum:
    TRACE_ID = 0x0A
    SPAN_ID = 0x12
    TRACE_STATE = 0x1A
    PARENT_SPAN_ID = 0x22
    SPAN_NAME = 0x2A
    SPAN_KIND = 0x30
    START_TIME = 0x39
    END_TIME = 0x41
    ATTRIBUTES = 0x4A
    EVENTS = 0x5A
    LINKS = 0x6A
    SPAN_STATUS = 0x7A
    FLAGS = 0x85
    EVENT_TIME = 0x09
    EVENT_NAME = 0x12
    EVENT_ATTRIBUTES = 0x1A
    LINK_ATTRIBUTES = 0x22
    STATUS_MESSAGE = 0x12
    STATUS_CODE = 0x18


cdef struct View:
    const uint8_t* data
    int64_t size


cdef struct Head:
    View trace_id
    View span_id
    View trace_state
    View parent
    View name
    View status_message
    uint64_t kind
    uint64_t start
    uint64_t end
    uint64_t status_code
    uint64_t flags


# a map in the making: its entries are written as they come, until a key may have come before
cdef struct Entries:
    Map* column
    int64_t first
    bint again
    Seen seen


cdef inline void look(View* view, const Field* field) noexcept nogil:
    view.data = field.start
    view.size = field.end - field.start


cdef inline int64_t clamped(uint64_t time_ns) noexcept nogil:
    """A time held to what int64 ns can say."""
    return INT64_MAX_ if time_ns > <uint64_t>INT64_MAX_ else <int64_t>time_ns


# --- maps ------------------------------------------------------------------------------------

cdef inline void begin_entries(Entries* entries, Map* column) noexcept nogil:
    entries.column = column
    entries.first = rows_of(&column.keys)
    entries.again = False
    entries.seen.count = 0


cdef inline int put_attribute(Scratch* scratch, Entries* entries, const Field* field, int depth,
                              const uint8_t* limit) noexcept nogil:
    """Read one KeyValue, for which `depth` levels are left, into the map."""
    cdef Plain found
    cdef Item item
    cdef int done
    if not plain(field.start, field.end, &found):
        if valid(KEY_VALUE, field.start, field.end, depth) != OK:
            return MALFORMED
        find_key(&item, field.start, field.end)
        entries.again = entries.again or seen(&entries.seen, item.hash)
        return OK if entries.again else put_entry(scratch, entries.column, &item)
    if not utf8(found.key, found.key + found.key_bytes):
        return MALFORMED
    if found.tag == STRING_VALUE and not utf8(found.text, found.text + found.text_bytes):
        return MALFORMED
    entries.again = entries.again or seen(
        &entries.seen, key_hash(found.key, found.key_bytes)
    )
    if entries.again:
        return OK
    done = put_near(&entries.column.keys, found.key, found.key_bytes, limit)
    return done if done != OK else put_plain(&entries.column.values, &found, limit)


cdef inline int put_plain(Text* values, const Plain* found, const uint8_t* limit) noexcept nogil:
    cdef int done = OK
    if found.tag == STRING_VALUE:
        return put_near(values, found.text, found.text_bytes, limit)
    if found.tag == INT_VALUE:
        done = put_integer(&values.data, <int64_t>found.value)
    elif found.tag == BOOL_VALUE:
        done = put(&values.data, b"true", 4) if found.value else put(&values.data, b"false", 5)
    elif found.tag == DOUBLE_VALUE:
        if finite(found.value):
            done = put_double(&values.data, found.value)
        else:
            done = put_not_finite(&values.data, found.value)
    return done if done != OK else end_text(values)


cdef inline int end_entries(Scratch* scratch, Entries* entries, const uint8_t* start,
                            const uint8_t* end, uint32_t tag) noexcept nogil:
    """Close the map of all `tag` fields of the message in [start, end)."""
    cdef int64_t base
    cdef int done
    if entries.again:
        base = scratch.items.size
        cut(&entries.column.keys, entries.first)
        cut(&entries.column.values, entries.first)
        done = gather(scratch, start, end, tag)
        if done == OK:
            done = put_items(scratch, entries.column, base)
        if done != OK:
            return done
    return end_map(entries.column)


# --- rows ------------------------------------------------------------------------------------

cdef int put_event(Scratch* scratch, Batch* batch, const Field* event,
                   const uint8_t* limit) noexcept nogil:
    cdef const uint8_t* at = event.start
    cdef Entries entries
    cdef Field field
    cdef View name
    cdef uint64_t time_ns = 0
    cdef int done = OK
    memset(&name, 0, sizeof(View))
    begin_entries(&entries, &batch.event_attributes)
    while at < event.end:
        at = next_field(at, event.end, SPAN_DEPTH - 1, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == EVENT_TIME:
            time_ns = field.value
        elif field.tag == EVENT_ATTRIBUTES:
            done = put_attribute(scratch, &entries, &field, SPAN_DEPTH - 2, limit)
        else:
            done = valid_value(kind_of(EVENT, field.tag), &field, SPAN_DEPTH - 1)
            if field.tag == EVENT_NAME:
                look(&name, &field)
        if done != OK:
            return done
    done = put_int64(&batch.event_time, clamped(time_ns))
    if done == OK:
        done = put_text(&batch.event_name, name.data, name.size)
    if done != OK:
        return done
    return end_entries(scratch, &entries, event.start, event.end, EVENT_ATTRIBUTES)


cdef int put_link(Scratch* scratch, Batch* batch, const Field* link,
                  const uint8_t* limit) noexcept nogil:
    cdef const uint8_t* at = link.start
    cdef Entries entries
    cdef Field field
    cdef View trace_id, span_id
    cdef int done = OK
    memset(&trace_id, 0, sizeof(View))
    memset(&span_id, 0, sizeof(View))
    begin_entries(&entries, &batch.link_attributes)
    while at < link.end:
        at = next_field(at, link.end, SPAN_DEPTH - 1, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == TRACE_ID:
            look(&trace_id, &field)
        elif field.tag == SPAN_ID:
            look(&span_id, &field)
        elif field.tag == LINK_ATTRIBUTES:
            done = put_attribute(scratch, &entries, &field, SPAN_DEPTH - 2, limit)
        else:
            done = valid_value(kind_of(LINK, field.tag), &field, SPAN_DEPTH - 1)
        if done != OK:
            return done
    done = put_id(&batch.link_trace_id, &trace_id)
    if done == OK:
        done = put_id(&batch.link_span_id, &span_id)
    if done != OK:
        return done
    return end_entries(scratch, &entries, link.start, link.end, LINK_ATTRIBUTES)


cdef int read_status(Head* head, const Field* status) noexcept nogil:
    cdef const uint8_t* at = status.start
    cdef Field field
    while at < status.end:
        at = next_field(at, status.end, SPAN_DEPTH - 1, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == STATUS_CODE:
            head.status_code = field.value
        elif valid_value(kind_of(STATUS, field.tag), &field, SPAN_DEPTH - 1) != OK:
            return MALFORMED
        elif field.tag == STATUS_MESSAGE:
            look(&head.status_message, &field)
    return OK


cdef int read_field(Head* head, const Field* field) noexcept nogil:
    """Any field of a span but its lists. Of a field that occurs twice the last one counts."""
    cdef uint32_t tag = field.tag
    if tag == TRACE_ID:
        look(&head.trace_id, field)
    elif tag == SPAN_ID:
        look(&head.span_id, field)
    elif tag == PARENT_SPAN_ID:
        look(&head.parent, field)
    elif tag == SPAN_KIND:
        head.kind = field.value
    elif tag == START_TIME:
        head.start = field.value
    elif tag == END_TIME:
        head.end = field.value
    elif tag == FLAGS:
        head.flags = field.value
    elif tag == SPAN_STATUS:
        return read_status(head, field)
    elif valid_value(kind_of(SPAN, tag), field, SPAN_DEPTH) != OK:
        return MALFORMED
    elif tag == SPAN_NAME:
        look(&head.name, field)
    elif tag == TRACE_STATE:
        look(&head.trace_state, field)
    return OK


cdef int put_span(Scratch* scratch, Batch* batch, const uint8_t* start, const uint8_t* end,
                  const uint8_t* limit) noexcept nogil:
    """One more row of all columns that do not repeat their envelope."""
    cdef const uint8_t* at = start
    cdef Entries entries
    cdef Field field
    cdef Head head
    cdef int done = OK
    memset(&head, 0, sizeof(Head))
    begin_entries(&entries, &batch.attributes)
    while at < end:
        at = next_field(at, end, SPAN_DEPTH, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == ATTRIBUTES:
            done = put_attribute(scratch, &entries, &field, SPAN_DEPTH - 1, limit)
        elif field.tag == EVENTS:
            done = put_event(scratch, batch, &field, limit)
        elif field.tag == LINKS:
            done = put_link(scratch, batch, &field, limit)
        else:
            done = read_field(&head, &field)
        if done != OK:
            return done
    done = end_entries(scratch, &entries, start, end, ATTRIBUTES)
    if done == OK:
        done = put_text(&batch.span_wire, start, end - start)
    if done == OK:
        done = put_int32(&batch.event_rows, <int32_t>rows_of(&batch.event_name))
    if done == OK:
        done = put_int32(&batch.link_rows, <int32_t>rows_of(&batch.link_trace_id))
    if done == OK:
        done = put_texts(batch, &head, limit)
    return done if done != OK else put_numbers(batch, &head)


cdef inline int put_id(Text* column, const View* id_) noexcept nogil:
    cdef int done = put_hex(&column.data, id_.data, id_.size)
    return done if done != OK else end_text(column)


cdef inline int put_texts(Batch* batch, Head* head, const uint8_t* limit) noexcept nogil:
    cdef uint64_t parent = 1
    cdef int done
    if head.parent.size == 8:
        memcpy(&parent, head.parent.data, 8)
    if parent == 0:
        head.parent.size = 0
    done = put_id(&batch.trace_id, &head.trace_id)
    if done == OK:
        done = put_id(&batch.span_id, &head.span_id)
    if done == OK:
        done = put_id(&batch.parent_span_id, &head.parent)
    if done == OK:
        done = put_text(&batch.trace_state, head.trace_state.data, head.trace_state.size)
    if done == OK:
        done = put_near(&batch.name, head.name.data, head.name.size, limit)
    if done != OK:
        return done
    return put_text(&batch.status_message, head.status_message.data, head.status_message.size)


cdef inline int put_numbers(Batch* batch, const Head* head) noexcept nogil:
    cdef int64_t start = clamped(head.start), end = clamped(head.end)
    cdef int done = put_int32(&batch.flags, <int32_t>head.flags)
    if done == OK:
        done = put_int32(&batch.kind, <int32_t>head.kind)
    if done == OK:
        done = put_int64(&batch.start_time, start)
    if done == OK:
        done = put_int64(&batch.end_time, end)
    if done == OK:
        done = put_int64(&batch.duration_ns, end - start if end > start else 0)
    if done == OK:
        done = put_int32(&batch.status_code, <int32_t>head.status_code)
    batch.rows += 1
    return done
