# A span as OTLP/JSON says it (parsed) to the bytes that upb would write for it.
#
# Only what senders do write is read here: keys that OTLP knows, values of the kinds that they
# have. At anything else the answer is SLOW, and mapping.py reads the record, its rules being the
# whole truth. Fields come in the order of their numbers, and without those that are at their
# default: so the bytes are those of the reference.

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem
from cpython.exc cimport PyErr_Clear
from cpython.float cimport PyFloat_CheckExact
from cpython.list cimport PyList_GET_ITEM
from cpython.ref cimport PyObject

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size)
    bint PyUnicode_CheckExact(object value)
    bint PyLong_CheckExact(object value)
    bint PyDict_CheckExact(object value)
    bint PyList_CheckExact(object value)
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow)

cdef enum:
    # far from the 100 levels where the limits of JSON and of protobuf begin to differ
    JSON_DEPTH_MAX = 32
    DIGITS_SAFE = 19


# an object being read: how many of its keys were asked for and are there
cdef struct Keys:
    Py_ssize_t found


cdef inline PyObject* member(dict value, str key, Keys* keys):
    """The value of `key`, NULL where it is absent or null."""
    cdef PyObject* found = PyDict_GetItem(value, key)
    if found == NULL:
        return NULL
    keys.found += 1
    return NULL if found == <PyObject*>None else found


cdef inline int put_tag(Buffer* out, uint32_t tag) noexcept nogil:
    if tag >= 0x80:
        if put_byte(out, <uint8_t>(tag & 0x7F | 0x80)) != OK:
            return NO_MEMORY
        tag >>= 7
    return put_byte(out, <uint8_t>tag)


cdef int put_varint(Buffer* out, uint64_t number) noexcept nogil:
    cdef uint8_t[VARINT_BYTES_MAX] bytes_
    return put(out, bytes_, varint_bytes(number, bytes_))


cdef inline int open_message(Buffer* out, uint32_t tag, int64_t* start) noexcept nogil:
    """Begin a length-delimited field; its size is put in when it is closed."""
    cdef int done = put_tag(out, tag)
    if done == OK:
        done = put_byte(out, 0)
    start[0] = out.size
    return done


cdef int close_message(Buffer* out, int64_t start) noexcept nogil:
    cdef uint8_t[VARINT_BYTES_MAX] size
    cdef int64_t inside = out.size - start
    cdef int more = varint_bytes(inside, size) - 1
    cdef int done = room(out, more)
    if done != OK:
        return done
    if more > 0:
        memmove(out.data + start + more, out.data + start, inside)
    memcpy(out.data + start - 1, size, more + 1)
    out.size += more
    return OK


# --- scalars ---------------------------------------------------------------------------------

cdef int json_text(Buffer* out, uint32_t tag, PyObject* value, bint always):
    cdef Py_ssize_t size
    cdef const char* text
    cdef int done
    if value == NULL:
        return OK
    if not PyUnicode_CheckExact(<object>value):
        return SLOW
    text = PyUnicode_AsUTF8AndSize(<object>value, &size)
    if text == NULL:
        PyErr_Clear()
        return SLOW
    if size == 0 and not always:
        return OK
    done = put_tag(out, tag)
    if done == OK:
        done = put_varint(out, size)
    return done if done != OK else put(out, text, size)


cdef inline int hex_digit(uint8_t byte) noexcept nogil:
    if c"0" <= byte <= c"9":
        return byte - c"0"
    byte |= 0x20
    return byte - c"a" + 10 if c"a" <= byte <= c"f" else -1


cdef int json_id(Buffer* out, uint32_t tag, PyObject* value):
    cdef Py_ssize_t size, place
    cdef const char* text
    cdef int high, low, done
    if value == NULL:
        return OK
    if not PyUnicode_CheckExact(<object>value):
        return SLOW
    text = PyUnicode_AsUTF8AndSize(<object>value, &size)
    if text == NULL:
        PyErr_Clear()
        return SLOW
    if size == 0:
        return OK
    # ids are 32 or 16 digits: their size is one byte
    if size > 128 or size % 2:
        return SLOW
    done = put_tag(out, tag)
    if done == OK:
        done = put_varint(out, size // 2)
    for place in range(0, size, 2):
        high, low = hex_digit(text[place]), hex_digit(text[place + 1])
        if high < 0 or low < 0:
            return SLOW
        if done == OK:
            done = put_byte(out, <uint8_t>(high << 4 | low))
    return done


cdef int json_number(PyObject* value, bint negative_too, uint64_t* number):
    """An integer, or its digits as text; SLOW where it fits no 64 bits or is something else."""
    cdef Py_ssize_t size, place = 0
    cdef const char* text
    cdef bint negative
    cdef int overflow = 0
    cdef long long signed_
    cdef uint64_t found = 0
    if PyLong_CheckExact(<object>value):
        signed_ = PyLong_AsLongLongAndOverflow(<object>value, &overflow)
        if overflow != 0 or signed_ < 0 and not negative_too:
            return SLOW
        number[0] = <uint64_t>signed_
        return OK
    if not PyUnicode_CheckExact(<object>value):
        return SLOW
    text = PyUnicode_AsUTF8AndSize(<object>value, &size)
    if text == NULL:
        PyErr_Clear()
        return SLOW
    negative = size > 0 and text[0] == c"-"
    place = 1 if negative else 0
    # at most 19 digits, as a time has: no sum of them leaves 64 bits unseen
    if not 0 < size - place <= DIGITS_SAFE or negative and not negative_too:
        return SLOW
    while place < size:
        if not c"0" <= text[place] <= c"9":
            return SLOW
        found = 10 * found + <uint64_t>(text[place] - c"0")
        place += 1
    if found > <uint64_t>INT64_MAX_:
        return SLOW
    number[0] = 0 - found if negative else found
    return OK


cdef int json_fixed(Buffer* out, uint32_t tag, PyObject* value, int width):
    cdef uint64_t number = 0
    cdef int done
    if value == NULL:
        return OK
    done = json_number(value, False, &number)
    if done != OK or number == 0:
        return done
    if width == 4 and number > 0xFFFFFFFFU:
        return SLOW
    done = put_tag(out, tag)
    return done if done != OK else put(out, &number, width)


cdef int json_count(Buffer* out, uint32_t tag, PyObject* value):
    """A uint32."""
    cdef uint64_t number = 0
    cdef int done
    if value == NULL:
        return OK
    done = json_number(value, False, &number)
    if done != OK or number == 0:
        return done
    if number > 0xFFFFFFFFU:
        return SLOW
    done = put_tag(out, tag)
    return done if done != OK else put_varint(out, number)


cdef int json_enum(Buffer* out, uint32_t tag, PyObject* value):
    cdef uint64_t number = 0
    cdef int done
    if value == NULL:
        return OK
    if not PyLong_CheckExact(<object>value):
        return SLOW
    done = json_number(value, False, &number)
    if done != OK or number == 0:
        return done
    if number > 0x7FFFFFFF:
        return SLOW
    done = put_tag(out, tag)
    return done if done != OK else put_varint(out, number)


# --- values ----------------------------------------------------------------------------------

cdef int json_any(Buffer* out, object value, int depth):
    """The fields of an AnyValue."""
    cdef dict document
    cdef Keys keys
    cdef PyObject* found
    keys.found = 0
    if not PyDict_CheckExact(value) or depth > JSON_DEPTH_MAX:
        return SLOW
    document = <dict>value
    if len(document) != 1:
        return SLOW if len(document) else OK
    found = member(document, "stringValue", &keys)
    if found != NULL:
        return json_text(out, STRING_VALUE, found, True)
    found = member(document, "intValue", &keys)
    if found != NULL:
        return json_int_value(out, found)
    found = member(document, "doubleValue", &keys)
    if found != NULL:
        return json_double_value(out, found)
    found = member(document, "boolValue", &keys)
    if found != NULL:
        return json_bool_value(out, found)
    found = member(document, "arrayValue", &keys)
    if found != NULL:
        return json_list_value(out, ARRAY_VALUE, <object>found, depth)
    found = member(document, "kvlistValue", &keys)
    if found != NULL:
        return json_list_value(out, KVLIST_VALUE, <object>found, depth)
    return SLOW


cdef int json_int_value(Buffer* out, PyObject* value):
    cdef uint64_t number = 0
    cdef int done = json_number(value, True, &number)
    if done == OK:
        done = put_byte(out, INT_VALUE)
    return done if done != OK else put_varint(out, number)


cdef int json_double_value(Buffer* out, PyObject* value):
    cdef double number
    cdef int done
    if not PyFloat_CheckExact(<object>value):
        return SLOW
    number = <object>value
    done = put_byte(out, DOUBLE_VALUE)
    return done if done != OK else put(out, &number, 8)


cdef int json_bool_value(Buffer* out, PyObject* value):
    cdef int done
    if value != <PyObject*>True and value != <PyObject*>False:
        return SLOW
    done = put_byte(out, BOOL_VALUE)
    return done if done != OK else put_byte(out, value == <PyObject*>True)


cdef int json_list_value(Buffer* out, uint32_t tag, object value, int depth):
    """An ArrayValue or a KeyValueList."""
    cdef Keys keys
    cdef int64_t start = 0
    cdef PyObject* values
    cdef int done
    keys.found = 0
    if not PyDict_CheckExact(value):
        return SLOW
    values = member(<dict>value, "values", &keys)
    if keys.found != len(<dict>value):
        return SLOW
    done = open_message(out, tag, &start)
    if done == OK and values != NULL:
        if tag == ARRAY_VALUE:
            done = json_array(out, <object>values, depth)
        else:
            done = json_attributes(out, MEMBER, values, depth)
    return done if done != OK else close_message(out, start)


cdef int json_array(Buffer* out, object values, int depth):
    cdef int64_t start = 0
    cdef Py_ssize_t place
    cdef int done = OK
    if not PyList_CheckExact(values):
        return SLOW
    for place in range(len(<list>values)):
        if done == OK:
            done = open_message(out, MEMBER, &start)
        if done == OK:
            done = json_any(out, <object>PyList_GET_ITEM(values, place), depth + 1)
        if done == OK:
            done = close_message(out, start)
    return done


cdef int json_attributes(Buffer* out, uint32_t tag, PyObject* values, int depth):
    cdef int64_t start = 0
    cdef Py_ssize_t place
    cdef int done = OK
    if values == NULL:
        return OK
    if not PyList_CheckExact(<object>values):
        return SLOW
    for place in range(len(<list>values)):
        if done == OK:
            done = open_message(out, tag, &start)
        if done == OK:
            done = json_attribute(out, <object>PyList_GET_ITEM(<object>values, place), depth)
        if done == OK:
            done = close_message(out, start)
    return done


cdef int json_attribute(Buffer* out, object value, int depth):
    cdef Keys keys
    cdef int64_t start = 0
    cdef PyObject* inner
    cdef int done
    keys.found = 0
    if not PyDict_CheckExact(value):
        return SLOW
    done = json_text(out, KEY, member(<dict>value, "key", &keys), False)
    inner = member(<dict>value, "value", &keys)
    if done != OK or inner == NULL:
        return SLOW if done == OK and keys.found != len(<dict>value) else done
    if keys.found != len(<dict>value):
        return SLOW
    done = open_message(out, VALUE, &start)
    if done == OK:
        done = json_any(out, <object>inner, depth + 1)
    return done if done != OK else close_message(out, start)


# --- spans -----------------------------------------------------------------------------------

cdef int json_event(Buffer* out, object value):
    cdef Keys keys
    cdef int done
    keys.found = 0
    if not PyDict_CheckExact(value):
        return SLOW
    done = json_fixed(out, EVENT_TIME, member(<dict>value, "timeUnixNano", &keys), 8)
    if done == OK:
        done = json_text(out, EVENT_NAME, member(<dict>value, "name", &keys), False)
    if done == OK:
        done = json_attributes(
            out, EVENT_ATTRIBUTES, member(<dict>value, "attributes", &keys), 0
        )
    if done == OK:
        done = json_count(out, 0x20, member(<dict>value, "droppedAttributesCount", &keys))
    return SLOW if done == OK and keys.found != len(<dict>value) else done


cdef int json_link(Buffer* out, object value):
    cdef Keys keys
    cdef int done
    keys.found = 0
    if not PyDict_CheckExact(value):
        return SLOW
    done = json_id(out, TRACE_ID, member(<dict>value, "traceId", &keys))
    if done == OK:
        done = json_id(out, SPAN_ID, member(<dict>value, "spanId", &keys))
    if done == OK:
        done = json_text(out, TRACE_STATE, member(<dict>value, "traceState", &keys), False)
    if done == OK:
        done = json_attributes(
            out, LINK_ATTRIBUTES, member(<dict>value, "attributes", &keys), 0
        )
    if done == OK:
        done = json_count(out, 0x28, member(<dict>value, "droppedAttributesCount", &keys))
    if done == OK:
        done = json_fixed(out, 0x35, member(<dict>value, "flags", &keys), 4)
    return SLOW if done == OK and keys.found != len(<dict>value) else done


cdef int json_status(Buffer* out, PyObject* value):
    cdef Keys keys
    cdef int64_t start = 0
    cdef int done
    keys.found = 0
    if value == NULL:
        return OK
    if not PyDict_CheckExact(<object>value):
        return SLOW
    done = open_message(out, SPAN_STATUS, &start)
    if done == OK:
        done = json_text(
            out, STATUS_MESSAGE, member(<dict><object>value, "message", &keys), False
        )
    if done == OK:
        done = json_enum(out, STATUS_CODE, member(<dict><object>value, "code", &keys))
    if done == OK and keys.found != len(<dict><object>value):
        return SLOW
    return done if done != OK else close_message(out, start)


cdef int json_members(Buffer* out, uint32_t tag, PyObject* values):
    """The events or the links of a span."""
    cdef int64_t start = 0
    cdef Py_ssize_t place
    cdef int done = OK
    if values == NULL:
        return OK
    if not PyList_CheckExact(<object>values):
        return SLOW
    for place in range(len(<list><object>values)):
        if done == OK:
            done = open_message(out, tag, &start)
        if done == OK and tag == EVENTS:
            done = json_event(out, <object>PyList_GET_ITEM(<object>values, place))
        elif done == OK:
            done = json_link(out, <object>PyList_GET_ITEM(<object>values, place))
        if done == OK:
            done = close_message(out, start)
    return done


cdef int json_span_head(Buffer* out, dict value, Keys* keys):
    cdef int done = json_id(out, TRACE_ID, member(value, "traceId", keys))
    if done == OK:
        done = json_id(out, SPAN_ID, member(value, "spanId", keys))
    if done == OK:
        done = json_text(out, TRACE_STATE, member(value, "traceState", keys), False)
    if done == OK:
        done = json_id(out, PARENT_SPAN_ID, member(value, "parentSpanId", keys))
    if done == OK:
        done = json_text(out, SPAN_NAME, member(value, "name", keys), False)
    if done == OK:
        done = json_enum(out, SPAN_KIND, member(value, "kind", keys))
    if done == OK:
        done = json_fixed(out, START_TIME, member(value, "startTimeUnixNano", keys), 8)
    if done == OK:
        done = json_fixed(out, END_TIME, member(value, "endTimeUnixNano", keys), 8)
    return done


cdef int json_span(Buffer* out, object value):
    cdef Keys keys
    cdef int done
    keys.found = 0
    if not PyDict_CheckExact(value):
        return SLOW
    done = json_span_head(out, <dict>value, &keys)
    if done == OK:
        done = json_attributes(out, ATTRIBUTES, member(<dict>value, "attributes", &keys), 0)
    if done == OK:
        done = json_count(out, 0x50, member(<dict>value, "droppedAttributesCount", &keys))
    if done == OK:
        done = json_members(out, EVENTS, member(<dict>value, "events", &keys))
    if done == OK:
        done = json_count(out, 0x60, member(<dict>value, "droppedEventsCount", &keys))
    if done == OK:
        done = json_members(out, LINKS, member(<dict>value, "links", &keys))
    if done == OK:
        done = json_count(out, 0x70, member(<dict>value, "droppedLinksCount", &keys))
    if done == OK:
        done = json_status(out, member(<dict>value, "status", &keys))
    if done == OK:
        done = json_fixed(out, FLAGS, member(<dict>value, "flags", &keys), 4)
    return SLOW if done == OK and keys.found != len(<dict>value) else done


def span_wire(value):
    """The protobuf bytes of a span in parsed OTLP/JSON; None where mapping.py has to read it."""
    cdef Buffer out
    cdef int done
    memset(&out, 0, sizeof(Buffer))
    try:
        done = json_span(&out, value)
        if done == SLOW:
            return None
        if done != OK:
            raise MemoryError
        return PyBytes_FromStringAndSize(<const char*>out.data, out.size)
    finally:
        free_buffer(&out)
