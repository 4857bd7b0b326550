/* CRC-32 as zlib's. A call of ``zlib.crc32`` costs more than this takes for a whole frame. Where the processor
   multiplies polynomials, 16 bytes at a time, without tables that would push the user's data out of the nearest cache;
   elsewhere eight bytes at a time by tables. */

#include "hot.h"

static uint32_t tables[8][256];

static uint32_t
by_tables(uint32_t sum, const unsigned char *bytes, Py_ssize_t count)
{
    for (; count >= 8; count -= 8, bytes += 8) {
        uint32_t low =
            sum ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
        sum = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24] ^
              tables[3][bytes[4]] ^ tables[2][bytes[5]] ^ tables[1][bytes[6]] ^ tables[0][bytes[7]];
    }
    for (; count > 0; count--, bytes++) {
        sum = sum >> 8 ^ tables[0][(sum ^ *bytes) & 0xFF];
    }
    return sum;
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define MULTIPLIES __attribute__((target("pclmul,sse4.1")))

/* Two constants of the polynomial P, bits reversed: what x to a power leaves when it is divided by P. */
#define PAIR(low, high) _mm_set_epi64x(high, low)
#define FOUR_ON PAIR(0x154442bd4, 0x1c6e41596) /* x^544, x^480: over the next four pieces of 128 bits */
#define ONE_ON PAIR(0x1751997d0, 0x0ccaa009e)  /* x^160, x^96: over the next piece */
#define HALF_ON PAIR(0x163cd6124, 0)           /* x^64 */
#define BARRETT PAIR(0x1db710641, 0x1f7011641) /* P itself, and x^64 divided by P */

static int multiplies;

MULTIPLIES static __m128i
piece(const unsigned char *bytes)
{
    return _mm_loadu_si128((const __m128i *)bytes);
}

/* A piece moved on over others, and added to what stands there. */
MULTIPLIES static __m128i
moved(__m128i sum, __m128i by, __m128i there)
{
    __m128i low = _mm_clmulepi64_si128(sum, by, 0x00), high = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

/* What 128 bits leave when they are divided by P. */
MULTIPLIES static uint32_t
rest(__m128i sum)
{
    const __m128i low_words = _mm_set_epi32(0, -1, 0, -1);
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), _mm_clmulepi64_si128(sum, ONE_ON, 0x10));
    __m128i low = _mm_clmulepi64_si128(_mm_and_si128(sum, low_words), HALF_ON, 0x00);
    sum = _mm_xor_si128(_mm_srli_si128(sum, 4), low);
    __m128i times = _mm_clmulepi64_si128(_mm_and_si128(sum, low_words), BARRETT, 0x10);
    __m128i back = _mm_clmulepi64_si128(_mm_and_si128(times, low_words), BARRETT, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(sum, back), 1);
}

/* Of 16 bytes or a multiple of them. */
MULTIPLIES static uint32_t
by_pieces(uint32_t sum, const unsigned char *bytes, Py_ssize_t count)
{
    __m128i first = _mm_xor_si128(piece(bytes), _mm_cvtsi32_si128((int)sum));
    Py_ssize_t at = 16;
    if (count >= 64) {
        __m128i second = piece(bytes + 16), third = piece(bytes + 32), fourth = piece(bytes + 48);
        for (at = 64; count - at >= 64; at += 64) {
            first = moved(first, FOUR_ON, piece(bytes + at));
            second = moved(second, FOUR_ON, piece(bytes + at + 16));
            third = moved(third, FOUR_ON, piece(bytes + at + 32));
            fourth = moved(fourth, FOUR_ON, piece(bytes + at + 48));
        }
        first = moved(moved(moved(first, ONE_ON, second), ONE_ON, third), ONE_ON, fourth);
    }
    for (; at < count; at += 16) {
        first = moved(first, ONE_ON, piece(bytes + at));
    }
    return rest(first);
}

static void
look_at_processor(void)
{
    __builtin_cpu_init();
    multiplies = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
}

#else

enum { multiplies = 0 };

static uint32_t
by_pieces(uint32_t sum, const unsigned char *bytes, Py_ssize_t count)
{
    return by_tables(sum, bytes, count);
}

static void
look_at_processor(void)
{
}

#endif

void
prepare_crc(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum & 1 ? 0xEDB88320u ^ sum >> 1 : sum >> 1;
        }
        tables[0][byte] = sum;
    }
    for (int table = 1; table < 8; table++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t before = tables[table - 1][byte];
            tables[table][byte] = before >> 8 ^ tables[0][before & 0xFF];
        }
    }
    look_at_processor();
}

uint32_t
crc32_of(uint32_t seed, const unsigned char *bytes, Py_ssize_t count)
{
    Py_ssize_t pieces = multiplies ? count & ~(Py_ssize_t)15 : 0;
    uint32_t sum = pieces > 0 ? by_pieces(~seed, bytes, pieces) : ~seed;
    return ~by_tables(sum, bytes + pieces, count - pieces);
}
