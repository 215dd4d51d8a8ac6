#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace csj {

/// Decodes pairs of digits; false on an odd count or anything that is no digit.
bool decode_hex(std::string_view digits, uint8_t *bytes);

/// Decodes exactly 64 digits to four quarters in host order.
bool decode_word(std::string_view digits, uint64_t *quarters);

/// Decodes exactly 40 digits.
bool decode_address(std::string_view digits, uint64_t &high, uint64_t &middle, uint32_t &low);

/// Decodes a quantity: 1...64 digits, of which the last 16 may be other than zero.
bool decode_quantity(std::string_view digits, uint64_t &value);

} // namespace csj
