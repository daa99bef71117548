# The verdict on a request: a scan of its structure first, which builds nothing, then each record.

cdef struct Bounds:
    int64_t records
    int64_t attributes
    int64_t events
    int64_t links
    int64_t record_fields
    int64_t request_attributes
    int64_t spread_bytes

# Why a span is refused; native.py has the sentences, in this order.
cdef enum:
    RECORD_MALFORMED = 0
    RECORD_FIELDS = 1
    BAD_TRACE_ID = 2
    BAD_SPAN_ID = 3
    BAD_PARENT = 4
    BAD_LINK = 5
    MANY_ATTRIBUTES = 6
    MANY_EVENTS = 7
    MANY_LINKS = 8
    FINE = 9


# --- structure -------------------------------------------------------------------------------

cdef struct Level:
    int64_t wanted
    int64_t rest_bytes


cdef int survey(const uint8_t* base, const uint8_t* start, const uint8_t* end, uint64_t number,
                const Bounds* bounds, Level* level, Fault* fault) noexcept nogil:
    """How often field `number` is in the message, and how large all other fields are."""
    cdef const uint8_t* at = start
    cdef int64_t others = 0
    cdef Piece piece
    cdef int done
    level.wanted = 0
    level.rest_bytes = 0
    while at < end:
        done = next_piece(base, at, end, &piece, fault)
        if done != OK:
            return done
        if piece.number == number and piece.wire_type == LEN:
            level.wanted += 1
        elif piece.number == 0:
            return refuse(fault, FIELD_ZERO, at - base, 0)
        else:
            others += 1
            level.rest_bytes += piece.end - at
        if bounds != NULL and (level.wanted > bounds.records or others > bounds.records):
            return refuse(fault, FIELDS_OF_A_KIND, start - base, bounds.records)
        at = piece.end
    return OK


cdef struct Totals:
    int64_t envelopes
    int64_t records
    int64_t spread_bytes


cdef int outline(const Source* source, const Bounds* bounds, Fault* fault) noexcept nogil:
    """Refuse a request whose envelopes are malformed, or hold more than `bounds` (NULL: none)."""
    cdef const uint8_t* base = source.data
    cdef const uint8_t* end = base + source.size
    cdef const uint8_t* at = base
    cdef Totals totals
    cdef Level level
    cdef Piece piece
    cdef int done = survey(base, base, end, RESOURCES, bounds, &level, fault)
    memset(&totals, 0, sizeof(Totals))
    while done == OK and at < end:
        done = next_piece(base, at, end, &piece, fault)
        if done == OK and piece.number == RESOURCES and piece.wire_type == LEN:
            done = outline_resource(base, &piece, bounds, &totals, fault)
        at = piece.end
    return done


cdef int outline_resource(const uint8_t* base, const Piece* resource, const Bounds* bounds,
                          Totals* totals, Fault* fault) noexcept nogil:
    cdef const uint8_t* at = resource.start
    cdef Level outer, inner
    cdef Piece piece
    cdef int done = survey(base, resource.start, resource.end, SCOPES, bounds, &outer, fault)
    if done == OK and outer.wanted == 0:
        inner.wanted = inner.rest_bytes = 0
        return bounded(&outer, &inner, bounds, totals, fault)
    while done == OK and at < resource.end:
        done = next_piece(base, at, resource.end, &piece, fault)
        if done == OK and piece.number == SCOPES and piece.wire_type == LEN:
            done = survey(base, piece.start, piece.end, RECORDS, bounds, &inner, fault)
            if done == OK:
                done = bounded(&outer, &inner, bounds, totals, fault)
        at = piece.end
    return done


cdef int bounded(const Level* resource, const Level* scope, const Bounds* bounds, Totals* totals,
                 Fault* fault) noexcept nogil:
    cdef int64_t spread = resource.rest_bytes + scope.rest_bytes
    if bounds == NULL:
        return OK
    totals.envelopes += 1
    totals.records += scope.wanted
    totals.spread_bytes += spread * max(scope.wanted, 1)
    if totals.records > bounds.records or totals.envelopes > bounds.records:
        return refuse(fault, TOO_MANY_RECORDS, 0, bounds.records)
    if totals.spread_bytes > bounds.spread_bytes:
        return refuse(fault, SPREAD, 0, 0)
    return OK


# --- large messages --------------------------------------------------------------------------

cdef int64_t FIELD_BYTES_MIN = 2


cdef struct Inside:
    const uint8_t* start
    const uint8_t* end
    int row


cdef int count_fields(int row, const uint8_t* start, const uint8_t* end, int64_t fields_max,
                      int* verdict) noexcept nogil:
    """Set `verdict` to FINE, RECORD_FIELDS or RECORD_MALFORMED, in the order of records.py."""
    cdef Buffer stack
    cdef Inside inside, found
    cdef Piece piece
    cdef Fault fault
    cdef const uint8_t* at
    cdef int64_t count = 0
    cdef int kind, done
    memset(&stack, 0, sizeof(Buffer))
    inside.start, inside.end, inside.row = start, end, row
    verdict[0] = FINE
    done = put(&stack, &inside, sizeof(Inside))
    while done == OK and verdict[0] == FINE and stack.size > 0:
        stack.size -= sizeof(Inside)
        memcpy(&inside, stack.data + stack.size, sizeof(Inside))
        at = inside.start
        while done == OK and at < inside.end:
            if next_piece(start, at, inside.end, &piece, &fault) != OK:
                verdict[0] = RECORD_MALFORMED
                break
            count += 1
            if count > fields_max:
                verdict[0] = RECORD_FIELDS
                break
            at = piece.end
            kind = KIND_ANYTHING
            if piece.wire_type == LEN and piece.number < KINDS_WIDTH:
                kind = KINDS[inside.row][piece.number]
            if kind >= KIND_MESSAGE:
                found.start, found.end, found.row = piece.start, piece.end, kind - KIND_MESSAGE
                done = put(&stack, &found, sizeof(Inside))
    free_buffer(&stack)
    return done


# --- spans -----------------------------------------------------------------------------------

cdef struct Judged:
    View trace_id
    View span_id
    View parent
    bint bad_link
    int64_t attributes
    int64_t events
    int64_t links
    int64_t inner_attributes


cdef inline bint zeros(const View* id_) noexcept nogil:
    cdef int64_t place
    cdef uint8_t any_ = 0
    for place in range(id_.size):
        any_ |= id_.data[place]
    return any_ == 0


cdef int judge_member(int row, const Field* member, uint32_t tag, View* trace_id, View* span_id,
                      int64_t* attributes) noexcept nogil:
    """Read an event or a link, whose attributes are field `tag`."""
    cdef const uint8_t* at = member.start
    cdef Field field
    while at < member.end:
        at = next_field(at, member.end, SPAN_DEPTH - 1, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == tag:
            attributes[0] += 1
            if valid_attribute(field.start, field.end, SPAN_DEPTH - 2) != OK:
                return MALFORMED
        elif valid_value(kind_of(row, field.tag), &field, SPAN_DEPTH - 1) != OK:
            return MALFORMED
        elif field.tag == TRACE_ID:
            look(trace_id, &field)
        elif field.tag == SPAN_ID:
            look(span_id, &field)
    return OK


cdef int judge_link(Judged* found, const Field* link) noexcept nogil:
    cdef View trace_id, span_id
    cdef int done
    memset(&trace_id, 0, sizeof(View))
    memset(&span_id, 0, sizeof(View))
    found.links += 1
    done = judge_member(
        LINK, link, LINK_ATTRIBUTES, &trace_id, &span_id, &found.inner_attributes
    )
    if trace_id.size != 0 and trace_id.size != 16 or span_id.size != 0 and span_id.size != 8:
        found.bad_link = True
    return done


cdef int judge_field(Judged* found, const Field* field) noexcept nogil:
    cdef View ignored
    if field.tag == ATTRIBUTES:
        found.attributes += 1
        return valid_attribute(field.start, field.end, SPAN_DEPTH - 1)
    if field.tag == EVENTS:
        found.events += 1
        return judge_member(
            EVENT, field, EVENT_ATTRIBUTES, &ignored, &ignored, &found.inner_attributes
        )
    if field.tag == LINKS:
        return judge_link(found, field)
    if field.tag == TRACE_ID:
        look(&found.trace_id, field)
    elif field.tag == SPAN_ID:
        look(&found.span_id, field)
    elif field.tag == PARENT_SPAN_ID:
        look(&found.parent, field)
    return valid_value(kind_of(SPAN, field.tag), field, SPAN_DEPTH)


cdef int judge_span(const uint8_t* at, const uint8_t* end, const Bounds* bounds,
                    int64_t* weight) noexcept nogil:
    """FINE, and then `weight` has grown by what the span holds, or why it is refused."""
    cdef Judged found
    cdef Field field
    memset(&found, 0, sizeof(Judged))
    while at < end:
        at = next_field(at, end, SPAN_DEPTH, &field)
        if at == NULL or judge_field(&found, &field) != OK:
            return RECORD_MALFORMED
    if found.trace_id.size != 16 or zeros(&found.trace_id):
        return BAD_TRACE_ID
    if found.span_id.size != 8 or zeros(&found.span_id):
        return BAD_SPAN_ID
    if found.parent.size != 0 and found.parent.size != 8:
        return BAD_PARENT
    if found.bad_link:
        return BAD_LINK
    if found.attributes > bounds.attributes:
        return MANY_ATTRIBUTES
    if found.events > bounds.events:
        return MANY_EVENTS
    if found.links > bounds.links:
        return MANY_LINKS
    weight[0] += found.attributes + found.events + found.links + found.inner_attributes
    return FINE


# --- requests --------------------------------------------------------------------------------

cdef struct Checking:
    Source source
    Bounds bounds
    int64_t records
    int64_t weight
    Buffer refused
    Fault fault


cdef int check_request(Checking* work) noexcept nogil:
    """Fill `work.refused` with pairs (ordinal, reason)."""
    cdef const uint8_t* base = work.source.data
    cdef const uint8_t* end = base + work.source.size
    cdef const uint8_t* at = base
    cdef Piece piece
    cdef int done = outline(&work.source, &work.bounds, &work.fault)
    while done == OK and at < end:
        done = next_piece(base, at, end, &piece, &work.fault)
        if done == OK and piece.number == RESOURCES and piece.wire_type == LEN:
            done = check_resource(work, &piece)
        at = piece.end
    return done


cdef int check_resource(Checking* work, const Piece* resource) noexcept nogil:
    cdef const uint8_t* base = work.source.data
    cdef const uint8_t* at = resource.start
    cdef bint fine = valid(
        RESOURCE_ENVELOPE, resource.start, resource.end, RESOURCE_DEPTH
    ) == OK
    cdef bint any_scope = False
    cdef Piece piece, nothing
    cdef int done = OK
    while done == OK and at < resource.end:
        done = next_piece(base, at, resource.end, &piece, &work.fault)
        if done == OK and piece.number == SCOPES and piece.wire_type == LEN:
            any_scope = True
            done = check_envelopes(work, resource, &piece, fine)
            if done == OK:
                done = check_scope(work, &piece)
        at = piece.end
    if done == OK and not any_scope:
        nothing.start = nothing.end = base
        done = check_envelopes(work, resource, &nothing, fine)
    return done


cdef int check_envelopes(Checking* work, const Piece* resource, const Piece* scope,
                         bint resource_fine) noexcept nogil:
    cdef int64_t most = (resource.end - resource.start) + (scope.end - scope.start)
    cdef int verdict = FINE
    cdef int done = OK
    # 24 bytes are more than the framing around them
    if most + 24 > FIELD_BYTES_MIN * work.bounds.record_fields:
        done = count_envelopes(work, resource, scope, &verdict)
    if done != OK:
        return done
    if verdict == RECORD_FIELDS:
        return refuse(&work.fault, ENVELOPE_FIELDS, 0, work.bounds.record_fields)
    if verdict == FINE and resource_fine:
        if valid(SCOPE_ENVELOPE, scope.start, scope.end, SCOPE_DEPTH) == OK:
            return OK
    return refuse(&work.fault, ENVELOPE_MALFORMED, 0, 0)


cdef int count_envelopes(Checking* work, const Piece* resource, const Piece* scope,
                         int* verdict) noexcept nogil:
    """Count the fields of the two envelopes without records, nested as they arrived."""
    cdef Buffer body, inner
    cdef uint8_t[VARINT_BYTES_MAX] size
    cdef int64_t framed
    cdef int done
    memset(&body, 0, sizeof(Buffer))
    memset(&inner, 0, sizeof(Buffer))
    done = put_others(&inner, work.source.data, scope, RECORDS)
    if done == OK:
        done = put_others(&body, work.source.data, resource, SCOPES)
    if done == OK:
        done = put_byte(&body, SCOPES << 3 | LEN)
    if done == OK:
        done = put(&body, size, varint_bytes(inner.size, size))
    if done == OK:
        done = put(&body, inner.data, inner.size)
    # the field of the request that holds all this counts as well
    framed = 1 + varint_bytes(body.size, size) + body.size
    if done == OK and framed > FIELD_BYTES_MIN * work.bounds.record_fields:
        done = count_fields(
            RESOURCE_NEST, body.data, body.data + body.size, work.bounds.record_fields - 1, verdict
        )
    free_buffer(&body)
    free_buffer(&inner)
    return done


cdef int put_others(Buffer* out, const uint8_t* base, const Piece* envelope,
                    uint64_t number) noexcept nogil:
    cdef const uint8_t* at = envelope.start
    cdef Piece piece
    cdef Fault fault
    cdef int done = OK
    while done == OK and at < envelope.end:
        done = next_piece(base, at, envelope.end, &piece, &fault)
        if done == OK and (piece.number != number or piece.wire_type != LEN):
            done = put(out, at, piece.end - at)
        at = piece.end
    return done


cdef int varint_bytes(uint64_t number, uint8_t* out) noexcept nogil:
    cdef int count = 0
    while number >= 0x80:
        out[count] = <uint8_t>(number & 0x7F | 0x80)
        number >>= 7
        count += 1
    out[count] = <uint8_t>number
    return count + 1


cdef int check_scope(Checking* work, const Piece* scope) noexcept nogil:
    cdef const uint8_t* at = scope.start
    cdef Piece piece
    cdef int verdict, done = OK
    while done == OK and at < scope.end:
        done = next_piece(work.source.data, at, scope.end, &piece, &work.fault)
        if done == OK and piece.number == RECORDS and piece.wire_type == LEN:
            verdict = FINE
            if piece.end - piece.start > FIELD_BYTES_MIN * work.bounds.record_fields:
                done = count_fields(
                    SPAN, piece.start, piece.end, work.bounds.record_fields, &verdict
                )
            if done == OK and verdict == FINE:
                verdict = judge_span(piece.start, piece.end, &work.bounds, &work.weight)
            if done == OK and verdict != FINE:
                done = put_int64(&work.refused, work.records)
                if done == OK:
                    done = put_int64(&work.refused, verdict)
            work.records += 1
        at = piece.end
    if done == OK and work.weight > work.bounds.request_attributes:
        return refuse(&work.fault, WEIGHT, 0, work.bounds.request_attributes)
    return done
