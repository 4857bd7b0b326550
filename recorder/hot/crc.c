/* CRC-32 as zlib's, eight bytes at a time. A call of ``zlib.crc32`` costs more than this takes for a whole frame. */

#include "hot.h"

static uint32_t tables[8][256];

void
make_crc_tables(void)
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
}

uint32_t
crc32_of(uint32_t seed, const unsigned char *bytes, Py_ssize_t count)
{
    uint32_t sum = ~seed;
    for (; count >= 8; count -= 8, bytes += 8) {
        uint32_t low =
            sum ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24);
        sum = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24] ^
              tables[3][bytes[4]] ^ tables[2][bytes[5]] ^ tables[1][bytes[6]] ^ tables[0][bytes[7]];
    }
    for (; count > 0; count--, bytes++) {
        sum = sum >> 8 ^ tables[0][(sum ^ *bytes) & 0xFF];
    }
    return ~sum;
}
