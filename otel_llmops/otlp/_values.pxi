# Attribute values as text, by the rule of attributes.py.
#
# What comes here in full was found valid before, so reading cannot fail; every read is checked
# all the same. Protobuf merges what occurs twice: the pieces of a value are walked in place, as if
# they stood in one, so that no copy of them is ever made.

# fields of AnyValue, as tags
cdef enum:
    STRING_VALUE = 0x0A
    BOOL_VALUE = 0x10
    INT_VALUE = 0x18
    DOUBLE_VALUE = 0x21
    ARRAY_VALUE = 0x2A
    KVLIST_VALUE = 0x32
    BYTES_VALUE = 0x3A
    STRINDEX_VALUE = 0x40

# fields of KeyValue; of ArrayValue and KeyValueList
cdef enum:
    KEY = 0x0A
    VALUE = 0x12
    MEMBER = 0x0A

# a map of so many entries is looked through one by one, a larger one by a table
cdef enum:
    SEEN_MAX = 64

cdef uint64_t SEED = <uint64_t>hash("otlp")  # differs in every process, so nobody can aim at it


cdef struct Cursor:
    # the fields in [at, end), then those of all VALUE fields in [outer, outer_end)
    const uint8_t* at
    const uint8_t* end
    const uint8_t* outer
    const uint8_t* outer_end


cdef struct Item:
    const uint8_t* key
    int64_t key_bytes
    uint64_t hash
    const uint8_t* start
    const uint8_t* end


cdef struct Seen:
    int count
    uint32_t[SEEN_MAX + 4] prints


cdef struct Scratch:
    Buffer items


cdef inline uint64_t key_hash(const uint8_t* key, int64_t size) noexcept nogil:
    cdef uint64_t found = SEED ^ (<uint64_t>size * <uint64_t>0x9E3779B97F4A7C15)
    cdef uint64_t word = 0, high = 0
    while size > 8:
        memcpy(&word, key, 8)
        found = product(found ^ word, <uint64_t>0xA0761D6478BD642F ^ SEED, &high) ^ high
        key += 8
        size -= 8
    word = 0
    if size == 8:
        memcpy(&word, key, 8)
    else:
        while size > 0:
            size -= 1
            word = word << 8 | key[size]
    found = product(found ^ word, <uint64_t>0xE7037ED1A0B428DB, &high)
    return found ^ high


cdef inline bint seen(Seen* keys, uint64_t hash_) noexcept nogil:
    """May the key have been there? Notes it if not. Never a no for a key that was."""
    cdef uint32_t print_ = <uint32_t>(hash_ >> 32)
    cdef bint found = False
    cdef int place
    for place in range(keys.count):
        found |= keys.prints[place] == print_
    if found or keys.count == SEEN_MAX:
        return True
    keys.prints[keys.count] = print_
    keys.count += 1
    return False


cdef inline Cursor within(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """The fields of the AnyValue in [at, end)."""
    cdef Cursor cursor
    cursor.at = at
    cursor.end = end
    cursor.outer = NULL
    cursor.outer_end = NULL
    return cursor


cdef inline Cursor value_of(const uint8_t* at, const uint8_t* end) noexcept nogil:
    """The fields of the value of the KeyValue in [at, end)."""
    cdef Cursor cursor
    cursor.at = at
    cursor.end = at
    cursor.outer = at
    cursor.outer_end = end
    return cursor


cdef bint step(Cursor* cursor, Field* field) noexcept nogil:
    """Read the next field, if there is one."""
    cdef const uint8_t* after
    while cursor.at >= cursor.end:
        if cursor.outer >= cursor.outer_end:
            return False
        after = next_field(cursor.outer, cursor.outer_end, DEPTH_MAX, field)
        if after == NULL:
            return False
        cursor.outer = after
        if field.tag == VALUE:
            cursor.at = field.start
            cursor.end = field.end
    after = next_field(cursor.at, cursor.end, DEPTH_MAX, field)
    if after == NULL:
        return False
    cursor.at = after
    return True


cdef inline bint is_value(uint32_t tag) noexcept nogil:
    return (
        tag == STRING_VALUE or tag == BOOL_VALUE or tag == INT_VALUE or tag == DOUBLE_VALUE
        or tag == ARRAY_VALUE or tag == KVLIST_VALUE or tag == BYTES_VALUE or tag == STRINDEX_VALUE
    )


cdef uint32_t settle(Cursor* cursor, Field* value) noexcept nogil:
    """Which member of the oneof holds in the end (0: none), and its last occurrence.

    `cursor` then stands where the member occurs first since another did: lists continue there.
    """
    cdef Cursor before = cursor[0], run = cursor[0]
    cdef Field field
    cdef uint32_t found = 0
    while step(cursor, &field):
        if is_value(field.tag):
            if field.tag != found:
                found = field.tag
                run = before
            value[0] = field
        before = cursor[0]
    cursor[0] = run
    return found


cdef int put_value(Scratch* scratch, Buffer* out, Cursor cursor, bint in_json) noexcept nogil:
    """The value as text; inside JSON, strings are quoted and nothing is null."""
    cdef Field value
    cdef uint32_t found = settle(&cursor, &value)
    if found == STRING_VALUE:
        if in_json:
            return put_json_text(out, value.start, value.end - value.start)
        return put(out, value.start, value.end - value.start)
    if found == BOOL_VALUE:
        return put(out, b"true", 4) if value.value else put(out, b"false", 5)
    if found == INT_VALUE:
        return put_integer(out, <int64_t>value.value)
    if found == DOUBLE_VALUE and finite(value.value):
        return put_double(out, value.value)
    if found == DOUBLE_VALUE or found == BYTES_VALUE:
        return put_quoted(out, found, &value, in_json)
    if found == ARRAY_VALUE:
        return put_array(scratch, out, cursor)
    if found == KVLIST_VALUE:
        return put_object(scratch, out, cursor)
    return put(out, b"null", 4) if in_json else OK


cdef int put_quoted(Buffer* out, uint32_t tag, const Field* value, bint in_json) noexcept nogil:
    cdef int done = put_byte(out, c'"') if in_json else OK
    if done != OK:
        return done
    if tag == BYTES_VALUE:
        done = put_base64(out, value.start, value.end - value.start)
    else:
        done = put_not_finite(out, value.value)
    if done != OK or not in_json:
        return done
    return put_byte(out, c'"')


cdef int put_array(Scratch* scratch, Buffer* out, Cursor cursor) noexcept nogil:
    cdef Field list_, member
    cdef const uint8_t* at
    cdef bint first = True
    cdef int done = put_byte(out, c"[")
    while done == OK and step(&cursor, &list_):
        if list_.tag != ARRAY_VALUE:
            continue
        at = list_.start
        while done == OK and at < list_.end:
            at = next_field(at, list_.end, DEPTH_MAX, &member)
            if at == NULL:
                return MALFORMED
            if member.tag != MEMBER:
                continue
            if not first:
                done = put_byte(out, c",")
            first = False
            if done == OK:
                done = put_value(scratch, out, within(member.start, member.end), True)
    return done if done != OK else put_byte(out, c"]")


cdef int put_object(Scratch* scratch, Buffer* out, Cursor cursor) noexcept nogil:
    cdef int64_t base = scratch.items.size
    cdef Field list_
    cdef int done = OK
    while done == OK and step(&cursor, &list_):
        if list_.tag == KVLIST_VALUE:
            done = gather(scratch, list_.start, list_.end, MEMBER)
    if done == OK:
        done = unique(scratch, base)
    if done == OK:
        done = put_members(scratch, out, base)
    scratch.items.size = base
    return done


cdef int put_members(Scratch* scratch, Buffer* out, int64_t base) noexcept nogil:
    cdef int64_t place = base
    cdef int64_t end = scratch.items.size
    cdef Item item
    cdef int done = put_byte(out, c"{")
    while done == OK and place < end:
        memcpy(&item, scratch.items.data + place, sizeof(Item))
        if place > base:
            done = put_byte(out, c",")
        if done == OK:
            done = put_json_text(out, item.key, item.key_bytes)
        if done == OK:
            done = put_byte(out, c":")
        if done == OK:
            done = put_value(scratch, out, value_of(item.start, item.end), True)
        place += sizeof(Item)
    return done if done != OK else put_byte(out, c"}")


# --- key-value lists in full -----------------------------------------------------------------

cdef int gather(Scratch* scratch, const uint8_t* at, const uint8_t* end,
                uint32_t tag) noexcept nogil:
    """Push each KeyValue that is field `tag` of the message in [at, end)."""
    cdef Field field
    cdef Item item
    cdef int done = OK
    while done == OK and at < end:
        at = next_field(at, end, DEPTH_MAX, &field)
        if at == NULL:
            return MALFORMED
        if field.tag == tag:
            find_key(&item, field.start, field.end)
            done = put(&scratch.items, &item, sizeof(Item))
    return done


cdef void find_key(Item* item, const uint8_t* at, const uint8_t* end) noexcept nogil:
    cdef Field field
    item.start = at
    item.end = end
    item.key = at
    item.key_bytes = 0
    while at < end:
        at = next_field(at, end, DEPTH_MAX, &field)
        if at == NULL:
            break
        if field.tag == KEY:
            item.key = field.start
            item.key_bytes = field.end - field.start
    item.hash = key_hash(item.key, item.key_bytes)


cdef inline bint same_key(const Item* one, const Item* other) noexcept nogil:
    return (
        one.hash == other.hash and one.key_bytes == other.key_bytes
        and memcmp(one.key, other.key, one.key_bytes) == 0
    )


cdef int unique(Scratch* scratch, int64_t base) noexcept nogil:
    """Of the items from `base` on, a key keeps its first place and its last value."""
    cdef Item* items = <Item*>(scratch.items.data + base)
    cdef int64_t count = (scratch.items.size - base) // <int64_t>sizeof(Item)
    cdef int64_t kept = 0, place, slots = 16, slot
    cdef int32_t* table
    if count < 2:
        return OK
    while slots < 2 * count:
        slots *= 2
    table = <int32_t*>malloc(slots * sizeof(int32_t))
    if table == NULL:
        return NO_MEMORY
    memset(table, 0xFF, slots * sizeof(int32_t))
    for place in range(count):
        slot = items[place].hash & (slots - 1)
        while table[slot] >= 0 and not same_key(&items[table[slot]], &items[place]):
            slot = (slot + 1) & (slots - 1)
        if table[slot] >= 0:
            items[table[slot]].start = items[place].start
            items[table[slot]].end = items[place].end
        else:
            table[slot] = <int32_t>kept
            items[kept] = items[place]
            kept += 1
    free(table)
    scratch.items.size = base + kept * sizeof(Item)
    return OK


cdef int put_items(Scratch* scratch, Map* column, int64_t base) noexcept nogil:
    """The items from `base` on as entries of a map; they are popped."""
    cdef int64_t place = base
    cdef Item item
    cdef int done = unique(scratch, base)
    while done == OK and place < scratch.items.size:
        memcpy(&item, scratch.items.data + place, sizeof(Item))
        done = put_entry(scratch, column, &item)
        place += sizeof(Item)
    scratch.items.size = base
    return done


cdef int put_entry(Scratch* scratch, Map* column, const Item* item) noexcept nogil:
    cdef int done = put_text(&column.keys, item.key, item.key_bytes)
    if done == OK:
        done = put_value(scratch, &column.values.data, value_of(item.start, item.end), False)
    return done if done != OK else end_text(&column.values)
