# Large blocks of memory that were used before. Fresh pages cost more than all the reading does: the
# kernel hands them out one by one, zeroed. Batches are of one size mostly, so a freed one serves
# the next. Nobody waits for the shelf: where another thread is at it, memory is made or freed.

cdef extern from *:
    """
    static char shelf_busy;
    static inline int shelf_enter(void) { return !__sync_lock_test_and_set(&shelf_busy, 1); }
    static inline void shelf_leave(void) { __sync_lock_release(&shelf_busy); }
    """
    bint shelf_enter() noexcept nogil
    void shelf_leave() noexcept nogil

cdef enum:
    BLOCK_BYTES_MIN = 262_144
    SHELF_BYTES_MAX = 67_108_864
    # four sizes between one power of two and the next, from 2 ** 18 to 2 ** 32
    STEP_MIN = 16
    SIZES = 60


cdef struct Block:
    Block* next


cdef (Block*)[SIZES] SHELF
cdef int64_t SHELF_BYTES = 0


cdef inline int size_class(int64_t* size) noexcept nogil:
    """Round `size` (BLOCK_BYTES_MIN at least) up to that of a block; which of them it is."""
    cdef int step = STEP_MIN
    while size[0] > <int64_t>7 << step:
        step += 1
    size[0] = ((size[0] - 1 >> step) + 1) << step
    if size[0] >> step < 4:
        size[0] = <int64_t>4 << step
    return 4 * (step - STEP_MIN) + <int>(size[0] >> step) - 4


cdef void* take(int64_t* size) noexcept nogil:
    """Memory of at least `size`, which is set to what it has; NULL where there is none."""
    cdef Block* block = NULL
    cdef int place
    global SHELF_BYTES
    if size[0] < BLOCK_BYTES_MIN:
        return malloc(size[0])
    place = size_class(size)
    if place < SIZES and shelf_enter():
        block = SHELF[place]
        if block != NULL:
            SHELF[place] = block.next
            SHELF_BYTES -= size[0]
        shelf_leave()
    return <void*>block if block != NULL else malloc(size[0])


cdef void give(void* data, int64_t size) noexcept nogil:
    """Give back what `take` gave."""
    cdef Block* block = <Block*>data
    cdef int place
    global SHELF_BYTES
    if data != NULL and size >= BLOCK_BYTES_MIN:
        place = size_class(&size)
        if place < SIZES and shelf_enter():
            if SHELF_BYTES + size <= SHELF_BYTES_MAX:
                block.next = SHELF[place]
                SHELF[place] = block
                SHELF_BYTES += size
                data = NULL
            shelf_leave()
    free(data)
