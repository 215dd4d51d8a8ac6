#include "LogRun.h"

#include <cstring>

namespace csj {

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool LogRun::add(const char *from, const char *to, Kind kind) {
    Piece piece{};
    piece.count = static_cast<size_t>(to - from);
    piece.kind = kind;
    if (piece.count > sizeof piece.before) return false;
    memcpy(piece.before, from, piece.count);
    pieces.push_back(piece);
    return true;
}

/// Where the first log's values lie; anything unusual gives up, since the parser reads that as well.
bool LogRun::learn(const char *text, const char *end) {
    pieces.clear();
    RawLog seen;
    const char *from = text;
    auto skip_blanks = [&] { while (text < end && is_blank(*text)) text++; };
    auto take = [&](std::string_view expected) {
        if (static_cast<size_t>(end - text) < expected.size()) return false;
        if (memcmp(text, expected.data(), expected.size()) != 0) return false;
        text += expected.size();
        return true;
    };
    /// Moves behind the quote that ends a string of harmless characters.
    auto skip_string = [&] {
        while (text < end && *text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\') text++;
        return take("\"");
    };
    if (!take("{")) return false;
    while (true) {
        skip_blanks();
        if (!take("\"")) return false;
        // Longer than any key that is compared with it.
        char key[24] = {};
        const char *name = text;
        if (!skip_string()) return false;
        memcpy(key, name, static_cast<size_t>(text - name) < sizeof key - 1 ? text - name : sizeof key - 1);
        uint32_t member = RawLog::member(key);
        seen.meet(member);
        skip_blanks();
        if (!take(":")) return false;
        skip_blanks();
        if (member == RawLog::topics) {
            if (!add(from, text, topics)) return false;
            const char *close = static_cast<const char *>(memchr(text, ']', static_cast<size_t>(end - text)));
            if (!close || !take("[")) return false;
            from = text = close + 1;
        } else if (member == RawLog::removed) {
            if (!take("false")) return false;
        } else if (take("\"0x")) {
            static constexpr Kind kinds[] = {
                address, topics, data, block_number, block_hash, transaction_hash, transaction_index, log_index};
            if (!add(from, text, member == 0 ? passed_over : kinds[__builtin_ctz(member)])) return false;
            from = static_cast<const char *>(memchr(text, '"', static_cast<size_t>(end - text)));
            if (!from) return false;
            text = from + 1;
        } else if (member != 0) {
            return false;
        } else if (take("\"")) {
            if (!skip_string()) return false;
        } else if (!take("null") && !take("false") && !take("true")) {
            return false;
        }
        skip_blanks();
        if (take("}")) break;
        if (!take(",")) return false;
    }
    return !seen.is_twice && (seen.seen & RawLog::all_required) == RawLog::all_required && add(from, text, none);
}

#if defined(CSJ_WIDE)
/// Whether `count` bytes at both places agree; up to 32 bytes may be read at `known`, whatever the count.
CSJ_WIDE static inline bool agrees(const char *text, const char *end, const char *known, size_t count) {
    size_t room = static_cast<size_t>(end - text);
    if (room < count) return false;
    if (count > 32 || room < 32) return memcmp(text, known, count) == 0;
    __m256i equal = _mm256_cmpeq_epi8(
        _mm256_loadu_si256(reinterpret_cast<const __m256i *>(text)),
        _mm256_loadu_si256(reinterpret_cast<const __m256i *>(known)));
    uint64_t differing = ~static_cast<uint64_t>(static_cast<uint32_t>(_mm256_movemask_epi8(equal)));
    return (differing & ((uint64_t(1) << count) - 1)) == 0;
}

/// A quantity of up to 16 digits that a quote ends; the parser reads longer ones.
static inline bool read_quantity(const char *&text, const char *end, uint64_t limit, uint64_t &value) {
    const char *start = text;
    value = 0;
    for (; text < end && text - start <= 16; text++) {
        uint8_t nibble = nibbles[static_cast<uint8_t>(*text)];
        if (nibble > 0xf) break;
        value = value << 4 | nibble;
    }
    return text > start && text - start <= 16 && text < end && *text == '"' && value <= limit;
}

/// An array of up to four words without blanks, behind its bracket too.
CSJ_WIDE static inline bool read_topics(const char *&text, const char *end, csj_log &log) {
    static constexpr size_t size = 69; // a word, its quotes, its `0x`, and what precedes it
    uint8_t count = 0;
    while (static_cast<size_t>(end - text) > size && *text == (count == 0 ? '[' : ',') && text[1] == '"') {
        if (count == 4 || text[2] != '0' || text[3] != 'x' || text[68] != '"') return false;
        if (!decode_wide_word(text + 4, log.topics[count++])) return false;
        text += size;
    }
    log.topic_count = count;
    for (uint8_t rest = count; rest < 4; rest++) memset(log.topics[rest], 0, sizeof log.topics[rest]);
    if (count == 0) {
        if (end - text < 2 || *text++ != '[') return false;
    }
    return text < end && *text++ == ']';
}

CSJ_WIDE bool LogRun::read(const char *&text, const char *end, csj_log &log) const {
    const char *next = text;
    uint64_t value = 0;
    for (const Piece &piece : pieces) {
        if (!agrees(next, end, piece.before, piece.count)) return false;
        next += piece.count;
        size_t room = static_cast<size_t>(end - next);
        const char *quote;
        switch (piece.kind) {
        case address:
            if (room < 40 || !decode_wide_address(next, log.address_high, log.address_middle, log.address_low))
                return false;
            next += 40;
            break;
        case topics:
            if (!read_topics(next, end, log)) return false;
            break;
        case block_hash:
        case transaction_hash:
            if (room < 64 ||
                !decode_wide_word(next, piece.kind == block_hash ? log.block_hash : log.transaction_hash))
                return false;
            next += 64;
            break;
        case data:
            quote = static_cast<const char *>(memchr(next, '"', room));
            if (!quote || (quote - next) % 2 != 0) return false;
            log.data = next;
            log.data_digits = static_cast<uint64_t>(quote - next);
            next = quote;
            break;
        case block_number:
            if (!read_quantity(next, end, INT64_MAX, log.block_number)) return false;
            break;
        case transaction_index:
            if (!read_quantity(next, end, UINT32_MAX, value)) return false;
            log.transaction_index = static_cast<uint32_t>(value);
            break;
        case log_index:
            if (!read_quantity(next, end, UINT32_MAX, value)) return false;
            log.log_index = static_cast<uint32_t>(value);
            break;
        case passed_over:
            while (next < end && nibbles[static_cast<uint8_t>(*next)] <= 0xf) next++;
            break;
        case none: break;
        }
    }
    text = next;
    return true;
}
#else
bool LogRun::read(const char *&, const char *, csj_log &) const { return false; }
#endif

} // namespace csj
