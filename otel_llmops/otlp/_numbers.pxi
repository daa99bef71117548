# Numbers and bytes as text, as Python writes them, without Python.
#
# Doubles: the shortest digits that read back as the same double, and of these the nearest to it.
# Source: R. Giulietti, "The Schubfach way to render doubles" (2021), which Java's
# Double.toString uses; the format around the digits is that of Python's repr.

cdef extern from *:
    """
    #include <stdint.h>

    #if !defined(__SIZEOF_INT128__) || !defined(__BYTE_ORDER__) \
        || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    #error "the native decoder needs a little-endian machine and 128-bit integers"
    #endif

    #define FRACTION_BITS UINT64_C(0xFFFFFFFFFFFFF)
    #define MAGNITUDE_BITS UINT64_C(0x7FFFFFFFFFFFFFFF)

    static inline uint64_t product(uint64_t a, uint64_t b, uint64_t *high) {
        unsigned __int128 whole = (unsigned __int128)a * b;
        *high = (uint64_t)(whole >> 64);
        return (uint64_t)whole;
    }
    """
    const uint64_t FRACTION_BITS
    const uint64_t MAGNITUDE_BITS
    uint64_t product(uint64_t a, uint64_t b, uint64_t* high) noexcept nogil

cdef enum:
    POWER_MIN = -292
    POWER_MAX = 324
    DOUBLE_BYTES_MAX = 32
    DIGITS_MAX = 24

# 10 ** power as 128 bits, the top bit set, rounded up
cdef uint64_t[POWER_MAX - POWER_MIN + 1][2] POWERS

cdef const char* HEX = "0123456789abcdef"
cdef const char* BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _powers():
    """Fill POWERS exactly, by integers of any size."""
    ten = int("10")  # a Python integer: C's would overflow
    for power in range(POWER_MIN, POWER_MAX + 1):
        over = ten ** max(power, 0)
        under = ten ** max(-power, 0)
        shift = 128 - (over.bit_length() - under.bit_length())
        scaled = _scaled(over, under, shift)
        if scaled.bit_length() > 128:
            scaled = _scaled(over, under, shift - 1)
        POWERS[power - POWER_MIN][0] = <uint64_t>(scaled >> 64)
        POWERS[power - POWER_MIN][1] = <uint64_t>(scaled & (2**64 - 1))


def _scaled(over, under, shift):
    # rounded up
    return -((-over << shift) // under) if shift >= 0 else -(-over // (under << -shift))


_powers()


cdef inline uint64_t rounded_to_odd(const uint64_t* power, uint64_t factor) noexcept nogil:
    cdef uint64_t carried, high, low
    product(power[1], factor, &carried)
    low = product(power[0], factor, &high)
    low += carried
    if low < carried:
        high += 1
    return high | (low > 1)


cdef uint64_t shortest(uint64_t bits, int* exponent) noexcept nogil:
    """The digits, and the power of ten that they count, of a double that is finite and not 0."""
    cdef uint64_t fraction = bits & FRACTION_BITS
    cdef int biased = <int>(bits >> 52) & 0x7FF
    cdef uint64_t c = fraction
    cdef int q = -1074
    cdef int k, h
    cdef bint closer_below = fraction == 0 and biased > 1
    cdef uint64_t low, middle, high, s, tens
    cdef bint odd, lower_fits, upper_fits
    cdef const uint64_t* power
    if biased != 0:
        c |= <uint64_t>1 << 52
        q = biased - 1075
        if -52 <= q <= 0 and c & ((<uint64_t>1 << -q) - 1) == 0:
            exponent[0] = 0
            return c >> -q
    odd = c & 1
    k = (q * 1262611 - (524031 if closer_below else 0)) >> 22
    h = q + ((-k * 1741647) >> 19) + 1
    power = POWERS[-k - POWER_MIN]
    low = rounded_to_odd(power, (4 * c - 2 + closer_below) << h) + odd
    middle = rounded_to_odd(power, (4 * c) << h)
    high = rounded_to_odd(power, (4 * c + 2) << h) - odd
    s = middle >> 2
    if s >= 10:
        tens = s // 10
        lower_fits = low <= 40 * tens
        upper_fits = 40 * tens + 40 <= high
        if lower_fits != upper_fits:
            exponent[0] = k + 1
            return tens + upper_fits
    exponent[0] = k
    lower_fits = low <= 4 * s
    upper_fits = 4 * s + 4 <= high
    if lower_fits != upper_fits:
        return s + upper_fits
    # up where that is nearer, and from halfway to the even one
    upper_fits = middle > 4 * s + 2 - (s & 1)
    return s + upper_fits


cdef int digits_of(uint64_t number, uint8_t* out) noexcept nogil:
    """Write `number` in decimal; how many digits it has."""
    cdef uint8_t[DIGITS_MAX] reverse
    cdef int count = 0, place
    while True:
        reverse[count] = <uint8_t>(48 + number % 10)
        number //= 10
        count += 1
        if number == 0:
            break
    for place in range(count):
        out[place] = reverse[count - 1 - place]
    return count


cdef int put_integer(Buffer* out, int64_t number) noexcept nogil:
    cdef int done = room(out, DIGITS_MAX)
    cdef uint64_t size = <uint64_t>number
    if done != OK:
        return done
    if number < 0:
        out.data[out.size] = c"-"
        out.size += 1
        size = 0 - size
    out.size += digits_of(size, out.data + out.size)
    return OK


cdef int put_double(Buffer* out, uint64_t bits) noexcept nogil:
    """A finite double as Python's repr writes it."""
    cdef uint8_t[DIGITS_MAX] digits
    cdef int exponent = 0, count, point
    cdef int done = room(out, DOUBLE_BYTES_MAX)
    if done != OK:
        return done
    if bits >> 63:
        out.data[out.size] = c"-"
        out.size += 1
        bits &= MAGNITUDE_BITS
    if bits == 0:
        return put(out, b"0.0", 3)
    count = digits_of(shortest(bits, &exponent), digits)
    point = count + exponent
    while count > 1 and digits[count - 1] == c"0":
        count -= 1
    if -4 < point <= 16:
        return put_fixed(out, digits, count, point)
    return put_scientific(out, digits, count, point - 1)


cdef int put_fixed(Buffer* out, const uint8_t* digits, int count, int point) noexcept nogil:
    # room for DOUBLE_BYTES_MAX was made
    cdef uint8_t* at = out.data + out.size
    cdef int zeros
    if point <= 0:
        zeros = 2 - point
        memset(at, c"0", zeros)
        at[1] = c"."
        memcpy(at + zeros, digits, count)
        out.size += zeros + count
    elif point >= count:
        memcpy(at, digits, count)
        memset(at + count, c"0", point - count + 2)
        at[point] = c"."
        out.size += point + 2
    else:
        memcpy(at, digits, point)
        at[point] = c"."
        memcpy(at + point + 1, digits + point, count - point)
        out.size += count + 1
    return OK


cdef int put_scientific(Buffer* out, const uint8_t* digits, int count, int power) noexcept nogil:
    cdef uint8_t* at = out.data + out.size
    at[0] = digits[0]
    at += 1
    if count > 1:
        at[0] = c"."
        memcpy(at + 1, digits + 1, count - 1)
        at += count
    at[0] = c"e"
    at[1] = c"-" if power < 0 else c"+"
    at += 2
    if power < 0:
        power = -power
    if power < 10:
        at[0] = c"0"
        at += 1
    at += digits_of(power, at)
    out.size = at - out.data
    return OK


cdef int put_not_finite(Buffer* out, uint64_t bits) noexcept nogil:
    if bits & FRACTION_BITS:
        return put(out, b"NaN", 3)
    if bits >> 63:
        return put(out, b"-Infinity", 9)
    return put(out, b"Infinity", 8)


cdef inline bint finite(uint64_t bits) noexcept nogil:
    return (bits >> 52) & 0x7FF != 0x7FF


cdef inline int put_hex(Buffer* out, const uint8_t* data, int64_t size) noexcept nogil:
    cdef int64_t place
    cdef uint8_t* at
    cdef int done = room(out, 2 * size)
    if done != OK:
        return done
    at = out.data + out.size
    for place in range(size):
        at[2 * place] = HEX[data[place] >> 4]
        at[2 * place + 1] = HEX[data[place] & 15]
    out.size += 2 * size
    return OK


cdef int put_base64(Buffer* out, const uint8_t* data, int64_t size) noexcept nogil:
    cdef int64_t whole = (size + 2) // 3 * 4
    cdef uint8_t* at
    cdef uint32_t three
    cdef int done = room(out, whole)
    if done != OK:
        return done
    at = out.data + out.size
    out.size += whole
    while size > 0:
        three = data[0] << 16
        if size > 1:
            three |= data[1] << 8
        if size > 2:
            three |= data[2]
        at[0] = BASE64[three >> 18]
        at[1] = BASE64[three >> 12 & 63]
        at[2] = BASE64[three >> 6 & 63] if size > 1 else c"="
        at[3] = BASE64[three & 63] if size > 2 else c"="
        at += 4
        data += 3
        size -= 3
    return OK


cdef int put_json_text(Buffer* out, const uint8_t* data, int64_t size) noexcept nogil:
    """A JSON string as json.dumps(ensure_ascii=False) writes it."""
    cdef int64_t begin = 0, at = 0
    cdef uint8_t byte
    cdef uint8_t[6] escape
    cdef int done = put_byte(out, c'"')
    while done == OK and at < size:
        byte = data[at]
        if byte >= 0x20 and byte != c'"' and byte != c"\\":
            at += 1
            continue
        done = put(out, data + begin, at - begin)
        if done == OK:
            done = put(out, escape, escaped(byte, escape))
        at += 1
        begin = at
    if done == OK:
        done = put(out, data + begin, size - begin)
    return done if done != OK else put_byte(out, c'"')


cdef int escaped(uint8_t byte, uint8_t* escape) noexcept nogil:
    escape[0] = c"\\"
    if byte == c'"' or byte == c"\\":
        escape[1] = byte
    elif byte == 8:
        escape[1] = c"b"
    elif byte == 9:
        escape[1] = c"t"
    elif byte == 10:
        escape[1] = c"n"
    elif byte == 12:
        escape[1] = c"f"
    elif byte == 13:
        escape[1] = c"r"
    else:
        memcpy(escape + 1, b"u00", 3)
        escape[4] = HEX[byte >> 4]
        escape[5] = HEX[byte & 15]
        return 6
    return 2
