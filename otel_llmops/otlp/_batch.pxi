# SPANS as buffers, and their way into Arrow: one structure of the C data interface whose release
# frees every buffer, from whatever thread, without Python.
#
# Source: https://arrow.apache.org/docs/format/CDataInterface.html

cdef extern from *:
    """
    struct ArrowArray {
        int64_t length;
        int64_t null_count;
        int64_t offset;
        int64_t n_buffers;
        int64_t n_children;
        const void **buffers;
        struct ArrowArray **children;
        struct ArrowArray *dictionary;
        void (*release)(struct ArrowArray *);
        void *private_data;
    };
    """
    struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void** buffers
        ArrowArray** children
        ArrowArray* dictionary
        void (*release)(ArrowArray*) noexcept nogil
        void* private_data

cdef enum:
    # arrays in the tree of SPANS, and the buffers and child pointers they have together
    NODES = 43
    POINTERS = 144


cdef struct Batch:
    int64_t rows
    Text trace_id
    Text span_id
    Text parent_span_id
    Text trace_state
    Buffer flags
    Text name
    Buffer kind
    Buffer start_time
    Buffer end_time
    Buffer duration_ns
    Buffer status_code
    Text status_message
    Text service
    Text scope_name
    Text scope_version
    Map attributes
    Map resource_attributes
    Buffer event_rows
    Buffer event_time
    Text event_name
    Map event_attributes
    Buffer link_rows
    Text link_trace_id
    Text link_span_id
    Map link_attributes
    Text span_wire
    Text scope_wire
    Text resource_wire
    Batch* next
    # the tree, once it is handed over
    int used_nodes
    int used_pointers
    ArrowArray[NODES] nodes
    (const void*)[POINTERS] pointers


cdef Batch* new_batch(int64_t bytes_) noexcept nogil:
    """An empty batch with room for spans of about `bytes_` on the wire; NULL without memory.

    Room that is not needed costs nothing: pages come when they are written.
    """
    cdef Batch* batch = <Batch*>calloc(1, sizeof(Batch))
    cdef int64_t rows = bytes_ // 512 + 1
    cdef int done
    if batch == NULL:
        return NULL
    done = begin_text(&batch.span_wire, rows, bytes_)
    if done == OK:
        done = begin_map(&batch.attributes, rows, bytes_ // 32, bytes_ // 2, bytes_)
    if done == OK:
        done = begin_texts(batch, rows)
    if done == OK:
        done = begin_lists(batch, rows)
    if done != OK:
        free_batch(batch)
        return NULL
    return batch


cdef int begin_texts(Batch* batch, int64_t rows) noexcept nogil:
    cdef int done = begin_text(&batch.trace_id, rows, 32 * rows)
    if done == OK:
        done = begin_text(&batch.span_id, rows, 16 * rows)
    if done == OK:
        done = begin_text(&batch.parent_span_id, rows, 16 * rows)
    if done == OK:
        done = begin_text(&batch.trace_state, rows, 0)
    if done == OK:
        done = begin_text(&batch.name, rows, 16 * rows)
    if done == OK:
        done = begin_text(&batch.status_message, rows, 0)
    if done == OK:
        done = begin_text(&batch.service, rows, 16 * rows)
    if done == OK:
        done = begin_text(&batch.scope_name, rows, 16 * rows)
    if done == OK:
        done = begin_text(&batch.scope_version, rows, 8 * rows)
    if done == OK:
        done = begin_text(&batch.scope_wire, rows, 32 * rows)
    return done if done != OK else begin_text(&batch.resource_wire, rows, 64 * rows)


cdef int begin_lists(Batch* batch, int64_t rows) noexcept nogil:
    cdef int done = begin_map(&batch.resource_attributes, rows, rows, 16 * rows, 16 * rows)
    if done == OK:
        done = put_int32(&batch.event_rows, 0)
    if done == OK:
        done = begin_text(&batch.event_name, 0, 0)
    if done == OK:
        done = begin_map(&batch.event_attributes, 0, 0, 0, 0)
    if done == OK:
        done = put_int32(&batch.link_rows, 0)
    if done == OK:
        done = begin_text(&batch.link_trace_id, 0, 0)
    if done == OK:
        done = begin_text(&batch.link_span_id, 0, 0)
    return done if done != OK else begin_map(&batch.link_attributes, 0, 0, 0, 0)


cdef void free_batch(Batch* batch) noexcept nogil:
    free_text(&batch.trace_id)
    free_text(&batch.span_id)
    free_text(&batch.parent_span_id)
    free_text(&batch.trace_state)
    free_buffer(&batch.flags)
    free_text(&batch.name)
    free_buffer(&batch.kind)
    free_buffer(&batch.start_time)
    free_buffer(&batch.end_time)
    free_buffer(&batch.duration_ns)
    free_buffer(&batch.status_code)
    free_text(&batch.status_message)
    free_text(&batch.service)
    free_text(&batch.scope_name)
    free_text(&batch.scope_version)
    free_map(&batch.attributes)
    free_map(&batch.resource_attributes)
    free_buffer(&batch.event_rows)
    free_buffer(&batch.event_time)
    free_text(&batch.event_name)
    free_map(&batch.event_attributes)
    free_buffer(&batch.link_rows)
    free_text(&batch.link_trace_id)
    free_text(&batch.link_span_id)
    free_map(&batch.link_attributes)
    free_text(&batch.span_wire)
    free_text(&batch.scope_wire)
    free_text(&batch.resource_wire)
    free(batch)


cdef void free_all(Batch* batch) noexcept nogil:
    cdef Batch* next_
    while batch != NULL:
        next_ = batch.next
        free_batch(batch)
        batch = next_


# --- the tree --------------------------------------------------------------------------------

cdef void release_whole(ArrowArray* array) noexcept nogil:
    cdef Batch* batch = <Batch*>array.private_data
    array.release = NULL
    free_batch(batch)


cdef void release_part(ArrowArray* array) noexcept nogil:
    # its memory is the whole's
    array.release = NULL


cdef ArrowArray* node(Batch* batch, int64_t length, int buffers, int children) noexcept nogil:
    """The next node of the tree; its first buffer, validity, is NULL: nothing is null."""
    cdef ArrowArray* made = &batch.nodes[batch.used_nodes]
    memset(made, 0, sizeof(ArrowArray))
    made.length = length
    made.n_buffers = buffers
    made.n_children = children
    made.release = release_part
    made.buffers = &batch.pointers[batch.used_pointers]
    made.buffers[0] = NULL
    made.children = <ArrowArray**>(made.buffers + buffers)
    batch.used_nodes += 1
    batch.used_pointers += buffers + children
    return made


cdef ArrowArray* fixed_node(Batch* batch, Buffer* buffer, int64_t width) noexcept nogil:
    cdef ArrowArray* made = node(batch, buffer.size // width, 2, 0)
    made.buffers[1] = buffer.data
    return made


cdef ArrowArray* text_node(Batch* batch, Text* text) noexcept nogil:
    cdef ArrowArray* made = node(batch, rows_of(text), 3, 0)
    made.buffers[1] = text.offsets.data
    made.buffers[2] = text.data.data
    return made


cdef ArrowArray* list_node(Batch* batch, Buffer* rows, int64_t members,
                           int columns) noexcept nogil:
    """A list of structs of `columns` columns; the caller fills children[0].children."""
    cdef ArrowArray* made = node(batch, rows.size // 4 - 1, 2, 1)
    made.buffers[1] = rows.data
    made.children[0] = node(batch, members, 1, columns)
    return made


cdef ArrowArray* map_node(Batch* batch, Map* column) noexcept nogil:
    cdef ArrowArray* made = list_node(batch, &column.rows, rows_of(&column.keys), 2)
    made.children[0].children[0] = text_node(batch, &column.keys)
    made.children[0].children[1] = text_node(batch, &column.values)
    return made


cdef ArrowArray* events_node(Batch* batch) noexcept nogil:
    cdef ArrowArray* made = list_node(batch, &batch.event_rows, rows_of(&batch.event_name), 3)
    made.children[0].children[0] = fixed_node(batch, &batch.event_time, 8)
    made.children[0].children[1] = text_node(batch, &batch.event_name)
    made.children[0].children[2] = map_node(batch, &batch.event_attributes)
    return made


cdef ArrowArray* links_node(Batch* batch) noexcept nogil:
    cdef ArrowArray* made = list_node(batch, &batch.link_rows, rows_of(&batch.link_trace_id), 3)
    made.children[0].children[0] = text_node(batch, &batch.link_trace_id)
    made.children[0].children[1] = text_node(batch, &batch.link_span_id)
    made.children[0].children[2] = map_node(batch, &batch.link_attributes)
    return made


cdef ArrowArray* tree(Batch* batch) noexcept nogil:
    """The batch as a struct array, columns in the order of SPANS; it owns the batch now."""
    cdef ArrowArray* root = node(batch, batch.rows, 1, 22)
    root.children[0] = text_node(batch, &batch.trace_id)
    root.children[1] = text_node(batch, &batch.span_id)
    root.children[2] = text_node(batch, &batch.parent_span_id)
    root.children[3] = text_node(batch, &batch.trace_state)
    root.children[4] = fixed_node(batch, &batch.flags, 4)
    root.children[5] = text_node(batch, &batch.name)
    root.children[6] = fixed_node(batch, &batch.kind, 4)
    root.children[7] = fixed_node(batch, &batch.start_time, 8)
    root.children[8] = fixed_node(batch, &batch.end_time, 8)
    root.children[9] = fixed_node(batch, &batch.duration_ns, 8)
    root.children[10] = fixed_node(batch, &batch.status_code, 4)
    root.children[11] = text_node(batch, &batch.status_message)
    root.children[12] = text_node(batch, &batch.service)
    root.children[13] = text_node(batch, &batch.scope_name)
    root.children[14] = text_node(batch, &batch.scope_version)
    root.children[15] = map_node(batch, &batch.attributes)
    root.children[16] = map_node(batch, &batch.resource_attributes)
    root.children[17] = events_node(batch)
    root.children[18] = links_node(batch)
    root.children[19] = text_node(batch, &batch.span_wire)
    root.children[20] = text_node(batch, &batch.scope_wire)
    root.children[21] = text_node(batch, &batch.resource_wire)
    root.release = release_whole
    root.private_data = batch
    return root
