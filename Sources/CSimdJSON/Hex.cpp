#include "Hex.h"

#include <cstring>

#include "CSimdJSON.h"

namespace csj {

#if defined(__x86_64__)
/// What each of 16 characters is worth; sets bits in `bad` where one is no digit.
static inline __m128i values(__m128i text, __m128i &bad) {
    __m128i digit = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i letter = _mm_sub_epi8(_mm_or_si128(text, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
    __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
    __m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
    bad = _mm_or_si128(bad, _mm_andnot_si128(_mm_or_si128(is_digit, is_letter), _mm_set1_epi8(-1)));
    return _mm_or_si128(
        _mm_and_si128(is_digit, digit), _mm_and_si128(is_letter, _mm_add_epi8(letter, _mm_set1_epi8(10))));
}

/// Decodes the digits in blocks of 16, as many as there are; `next` and `bytes` move on. False for another character.
static bool decode_blocks(const char *&next, const char *end, uint8_t *&bytes) {
    __m128i bad = _mm_setzero_si128();
    for (; end - next >= 16; next += 16, bytes += 8) {
        __m128i value = values(_mm_loadu_si128(reinterpret_cast<const __m128i *>(next)), bad);
        // In each 16-bit lane the first digit is the low byte: shift it up, bring the second one down, keep one byte.
        __m128i pairs = _mm_or_si128(_mm_slli_epi16(value, 4), _mm_srli_epi16(value, 8));
        pairs = _mm_and_si128(pairs, _mm_set1_epi16(0x00ff));
        _mm_storel_epi64(reinterpret_cast<__m128i *>(bytes), _mm_packus_epi16(pairs, pairs));
    }
    return _mm_movemask_epi8(bad) == 0;
}

/// The same in blocks of 32, then of 16, for processors that have AVX2.
CSJ_WIDE static bool decode_wide_blocks(const char *&next, const char *end, uint8_t *&bytes) {
    __m256i bad = _mm256_setzero_si256();
    for (; end - next >= 32; next += 32, bytes += 16)
        _mm_storeu_si128(reinterpret_cast<__m128i *>(bytes), decode_wide_block(next, bad));
    return _mm256_testz_si256(bad, bad) != 0 && decode_blocks(next, end, bytes);
}

const bool has_wide_blocks = __builtin_cpu_supports("avx2");
#else
const bool has_wide_blocks = false;
#endif

bool decode_hex(std::string_view digits, uint8_t *bytes) {
    size_t count = digits.size();
    if (count % 2 != 0) return false;
    const char *next = digits.data();
    const char *end = next + count;
#if defined(__x86_64__)
    if (!(has_wide_blocks ? decode_wide_blocks(next, end, bytes) : decode_blocks(next, end, bytes))) return false;
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
