#include "Hex.h"

#include <array>
#include <cstring>

#include "CSimdJSON.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace csj {

static constexpr std::array<uint8_t, 256> make_nibbles() {
    std::array<uint8_t, 256> table{};
    for (int i = 0; i < 256; i++) table[i] = 0xff;
    for (int i = 0; i < 10; i++) table['0' + i] = i;
    for (int i = 0; i < 6; i++) table['a' + i] = table['A' + i] = 10 + i;
    return table;
}
static constexpr std::array<uint8_t, 256> nibbles = make_nibbles();

#if defined(__SSE2__)
/// Decodes 16 digits to 8 bytes; sets bits in `bad` where a character is no digit.
static inline void decode16(const char *digits, uint8_t *bytes, __m128i &bad) {
    __m128i text = _mm_loadu_si128(reinterpret_cast<const __m128i *>(digits));
    __m128i lowered = _mm_or_si128(text, _mm_set1_epi8(0x20));
    __m128i is_digit =
        _mm_and_si128(_mm_cmpgt_epi8(text, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(text, _mm_set1_epi8('9' + 1)));
    __m128i is_letter =
        _mm_and_si128(_mm_cmpgt_epi8(lowered, _mm_set1_epi8('a' - 1)), _mm_cmplt_epi8(lowered, _mm_set1_epi8('f' + 1)));
    bad = _mm_or_si128(bad, _mm_andnot_si128(_mm_or_si128(is_digit, is_letter), _mm_set1_epi8(-1)));
    __m128i value = _mm_or_si128(
        _mm_and_si128(is_digit, _mm_sub_epi8(text, _mm_set1_epi8('0'))),
        _mm_and_si128(is_letter, _mm_sub_epi8(lowered, _mm_set1_epi8('a' - 10))));
    // In each 16-bit lane the first digit is the low byte: shift it up, bring the second one down, keep one byte.
    __m128i pairs = _mm_or_si128(_mm_slli_epi16(value, 4), _mm_srli_epi16(value, 8));
    pairs = _mm_and_si128(pairs, _mm_set1_epi16(0x00ff));
    _mm_storel_epi64(reinterpret_cast<__m128i *>(bytes), _mm_packus_epi16(pairs, pairs));
}
#endif

bool decode_hex(std::string_view digits, uint8_t *bytes) {
    size_t count = digits.size();
    if (count % 2 != 0) return false;
    const char *next = digits.data();
    const char *end = next + count;
#if defined(__SSE2__)
    __m128i bad = _mm_setzero_si128();
    for (; end - next >= 16; next += 16, bytes += 8) decode16(next, bytes, bad);
    if (_mm_movemask_epi8(bad) != 0) return false;
#endif
    uint8_t seen = 0;
    for (; next < end; next += 2) {
        uint8_t high = nibbles[static_cast<uint8_t>(next[0])];
        uint8_t low = nibbles[static_cast<uint8_t>(next[1])];
        seen |= high | low;
        *bytes++ = static_cast<uint8_t>(high << 4 | (low & 0xf));
    }
    return (seen & 0xf0) == 0;
}

static inline uint64_t load_big_endian(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

bool decode_word(std::string_view digits, uint64_t *quarters) {
    uint8_t bytes[32];
    if (digits.size() != 64 || !decode_hex(digits, bytes)) return false;
    for (int i = 0; i < 4; i++) quarters[i] = load_big_endian(bytes + 8 * i);
    return true;
}

bool decode_address(std::string_view digits, uint64_t &high, uint64_t &middle, uint32_t &low) {
    uint8_t bytes[20];
    if (digits.size() != 40 || !decode_hex(digits, bytes)) return false;
    high = load_big_endian(bytes);
    middle = load_big_endian(bytes + 8);
    low = static_cast<uint32_t>(load_big_endian(bytes + 12));
    return true;
}

bool decode_quantity(std::string_view digits, uint64_t &value) {
    if (digits.empty() || digits.size() > 64) return false;
    uint64_t result = 0;
    for (char digit : digits) {
        uint8_t nibble = nibbles[static_cast<uint8_t>(digit)];
        if (nibble > 0xf || result >> 60 != 0) return false;
        result = result << 4 | nibble;
    }
    value = result;
    return true;
}

} // namespace csj

bool csj_hex(const char *digits, size_t count, uint8_t *bytes) {
    return csj::decode_hex(std::string_view(digits, count), bytes);
}
