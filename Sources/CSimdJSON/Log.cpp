#include "Log.h"

#include <cstring>

#include "Hex.h"

namespace csj {

uint32_t RawLog::member(const char *key) {
    // Up to 17 bytes are compared, all within simdjson's padding; the closing quote ends the shorter keys.
    auto is = [key](const char *name, size_t count) { return memcmp(key, name, count) == 0; };
    switch (key[0]) {
    case 'a': return is("address\"", 8) ? address : 0;
    case 't':
        if (is("topics\"", 7)) return topics;
        if (is("transactionHash\"", 16)) return transaction_hash;
        return is("transactionIndex\"", 17) ? transaction_index : 0;
    case 'd': return is("data\"", 5) ? data : 0;
    case 'b':
        if (is("blockNumber\"", 12)) return block_number;
        return is("blockHash\"", 10) ? block_hash : 0;
    case 'l': return is("logIndex\"", 9) ? log_index : 0;
    case 'r': return is("removed\"", 8) ? removed : 0;
    default: return 0;
    }
}

static unsigned slot(uint32_t member) { return static_cast<unsigned>(__builtin_ctz(member)); }

void RawLog::keep(uint32_t member, std::string_view text) {
    if (!strip_prefix(text)) {
        wrong |= member;
        return;
    }
    digits[slot(member)] = text;
}

void RawLog::keep_topic(std::string_view text) {
    if (topic_count >= 4 || !strip_prefix(text)) {
        wrong |= topics;
        return;
    }
    topic_digits[topic_count++] = text;
}

uint32_t RawLog::decode(csj_log &log) const {
    if (is_twice) return CSJ_LOG_DUPLICATE_KEY;
    uint32_t usable = seen & ~wrong;
    auto text = [this](uint32_t member) { return digits[slot(member)]; };
    auto quantity = [&](uint32_t member, uint64_t limit, uint64_t &value) {
        return (usable & member) && decode_quantity(text(member), value) && value <= limit;
    };
    uint64_t value = 0;
    if (!(usable & address) || !decode_address(text(address), log.address_high, log.address_middle, log.address_low))
        return CSJ_LOG_ADDRESS;
    if (!(usable & topics)) return CSJ_LOG_TOPICS;
    for (uint32_t i = 0; i < topic_count; i++)
        if (!decode_word(topic_digits[i], log.topics[i])) return CSJ_LOG_TOPICS;
    log.topic_count = static_cast<uint8_t>(topic_count);
    // Heights fit SQL's bigint, positions a 32-bit integer.
    if (!quantity(block_number, INT64_MAX, log.block_number)) return CSJ_LOG_BLOCK_NUMBER;
    if (!(usable & block_hash) || !decode_word(text(block_hash), log.block_hash)) return CSJ_LOG_BLOCK_HASH;
    if (!(usable & transaction_hash) || !decode_word(text(transaction_hash), log.transaction_hash))
        return CSJ_LOG_TRANSACTION_HASH;
    if (!quantity(transaction_index, UINT32_MAX, value)) return CSJ_LOG_TRANSACTION_INDEX;
    log.transaction_index = static_cast<uint32_t>(value);
    if (!quantity(log_index, UINT32_MAX, value)) return CSJ_LOG_INDEX;
    log.log_index = static_cast<uint32_t>(value);
    log.is_removed = is_removed;
    if (!(usable & data) || text(data).size() % 2 != 0) return CSJ_LOG_DATA;
    log.data = text(data).data();
    log.data_digits = text(data).size();
    return CSJ_LOG_OK;
}

} // namespace csj
