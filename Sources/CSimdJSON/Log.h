#pragma once
#include <string_view>

#include "CSimdJSON.h"

namespace csj {

/// The members of a log as they stand in the text: digits behind `0x`, nothing decoded yet.
///
/// Both ways of reading JSON fill this, and `decode` does the rest for both.
struct RawLog {
    enum Member : uint32_t {
        address = 1 << 0,
        topics = 1 << 1,
        data = 1 << 2,
        block_number = 1 << 3,
        block_hash = 1 << 4,
        transaction_hash = 1 << 5,
        transaction_index = 1 << 6,
        log_index = 1 << 7,
        removed = 1 << 8,
        all_required = (1 << 8) - 1,
    };
    std::string_view digits[8];
    std::string_view topic_digits[4];
    uint32_t topic_count = 0;
    uint32_t seen = 0;
    /// Members whose value is no `0x` string, or no array of up to four of them.
    uint32_t wrong = 0;
    bool is_twice = false;
    bool is_removed = false;

    /// Which member `key` names, the text from behind its quote on; 0 for one that is not needed.
    static uint32_t member(const char *key);
    /// Notes that `member` was met.
    void meet(uint32_t member) {
        if (seen & member) is_twice = true;
        seen |= member;
    }
    /// Keeps the digits of a member other than topics; `text` is what stands between the quotes.
    void keep(uint32_t member, std::string_view text);
    void keep_topic(std::string_view text);
    /// Decodes to `log`, all but the data; answers the fault.
    uint32_t decode(csj_log &log) const;
};

/// Drops `0x`; false if it is not there.
inline bool strip_prefix(std::string_view &text) {
    if (text.size() < 2 || text[0] != '0' || text[1] != 'x') return false;
    text.remove_prefix(2);
    return true;
}

} // namespace csj
