#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__x86_64__)
#include <immintrin.h>
/// For what is called only where the processor has AVX2.
#define CSJ_WIDE __attribute__((target("avx2")))
#endif

namespace csj {

constexpr std::array<uint8_t, 256> make_nibbles() {
    std::array<uint8_t, 256> table{};
    for (int i = 0; i < 256; i++) table[i] = 0xff;
    for (int i = 0; i < 10; i++) table['0' + i] = i;
    for (int i = 0; i < 6; i++) table['a' + i] = table['A' + i] = 10 + i;
    return table;
}
/// What each character is worth as a digit; 0xff for others.
inline constexpr std::array<uint8_t, 256> nibbles = make_nibbles();

inline uint64_t load_big_endian(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/// Whether the processor has AVX2.
extern const bool has_wide_blocks;

/// Decodes pairs of digits; false on an odd count or anything that is no digit.
bool decode_hex(std::string_view digits, uint8_t *bytes);

/// Decodes exactly 64 digits to four quarters in host order.
bool decode_word(std::string_view digits, uint64_t *quarters);

/// Decodes exactly 40 digits.
bool decode_address(std::string_view digits, uint64_t &high, uint64_t &middle, uint32_t &low);

/// Decodes a quantity: 1...64 digits, of which the last 16 may be other than zero.
bool decode_quantity(std::string_view digits, uint64_t &value);

#if defined(__x86_64__)
/// Decodes 32 digits; sets bits in `bad` where a character is none.
CSJ_WIDE inline __m128i decode_wide_block(const char *digits, __m256i &bad) {
    __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(digits));
    __m256i digit = _mm256_sub_epi8(text, _mm256_set1_epi8('0'));
    __m256i letter = _mm256_sub_epi8(_mm256_or_si256(text, _mm256_set1_epi8(0x20)), _mm256_set1_epi8('a'));
    __m256i is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, _mm256_set1_epi8(9)), digit);
    __m256i is_letter = _mm256_cmpeq_epi8(_mm256_min_epu8(letter, _mm256_set1_epi8(5)), letter);
    bad = _mm256_or_si256(bad, _mm256_xor_si256(_mm256_or_si256(is_digit, is_letter), _mm256_set1_epi8(-1)));
    __m256i value = _mm256_blendv_epi8(digit, _mm256_add_epi8(letter, _mm256_set1_epi8(10)), is_letter);
    // 16 times the first of each pair and once the second; then one byte of each 16-bit lane, in order.
    __m256i pairs = _mm256_maddubs_epi16(value, _mm256_set1_epi16(0x0110));
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi16(pairs, pairs), 0x08));
}

/// The same as `decode_word`.
CSJ_WIDE inline bool decode_wide_word(const char *digits, uint64_t *quarters) {
    __m256i bad = _mm256_setzero_si256();
    __m128i host_order = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    for (int half = 0; half < 2; half++) {
        __m128i bytes = _mm_shuffle_epi8(decode_wide_block(digits + 32 * half, bad), host_order);
        _mm_storeu_si128(reinterpret_cast<__m128i *>(quarters + 2 * half), bytes);
    }
    return _mm256_testz_si256(bad, bad) != 0;
}

/// The same as `decode_address`.
CSJ_WIDE inline bool decode_wide_address(const char *digits, uint64_t &high, uint64_t &middle, uint32_t &low) {
    __m256i bad = _mm256_setzero_si256();
    uint8_t first[16], last[16];
    _mm_storeu_si128(reinterpret_cast<__m128i *>(first), decode_wide_block(digits, bad));
    // The last 32 digits; 24 of them for the second time.
    _mm_storeu_si128(reinterpret_cast<__m128i *>(last), decode_wide_block(digits + 8, bad));
    high = load_big_endian(first);
    middle = load_big_endian(first + 8);
    low = static_cast<uint32_t>(load_big_endian(last + 8));
    return _mm256_testz_si256(bad, bad) != 0;
}
#endif

} // namespace csj
