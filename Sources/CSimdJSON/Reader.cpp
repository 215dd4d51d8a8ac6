#include "Reader.h"

#include <cstring>
#include <new>
#include <utility>

#include "Hex.h"

using namespace simdjson;
using csj::RawLog;

int csj::error(error_code code) {
    switch (code) {
    case SUCCESS: return CSJ_OK;
    case MEMALLOC: return CSJ_MEMORY;
    case CAPACITY: return CSJ_TOO_LARGE;
    case DEPTH_ERROR: return CSJ_TOO_DEEP;
    case INCORRECT_TYPE: return CSJ_SHAPE;
    default: return CSJ_SYNTAX;
    }
}

/// Drops the blanks that simdjson leaves behind a token or a value.
static std::string_view trimmed(std::string_view text) {
    auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// What stands between a string token's quotes, not unescaped; false for a token of another kind.
static bool quoted(std::string_view token, std::string_view &text) {
    token = trimmed(token);
    if (token.size() < 2 || token.front() != '"' || token.back() != '"') return false;
    text = token.substr(1, token.size() - 2);
    return true;
}

int csj_reader::read(const uint8_t *bytes, size_t count, size_t readable) {
    replies.clear();
    bad_logs.clear();
    log_count = 0;
    text_count = 0;
    ahead = {};
    if (count > maximum) return CSJ_TOO_LARGE;
    if (on_log != nullptr && read_ahead(bytes, count)) {
        if (split() == CSJ_OK && ahead.is_met) return CSJ_OK;
        // The array was not what it seemed, or something else is wrong, which the whole document tells better.
        on_log(context, nullptr);
        replies.clear();
        bad_logs.clear();
        log_count = 0;
        ahead = {};
    }
    int code = load(bytes, count, readable);
    return code == CSJ_OK ? split() : code;
}

/// Reads the logs of the first result that begins like an array of logs, and loads the document without them.
///
/// An array remains an array when its first elements are taken out, with the commas behind them. So the parser, which
/// reads all the rest, finds out whether that place is really a result.
bool csj_reader::read_ahead(const uint8_t *bytes, size_t count) {
    static constexpr std::string_view opening = "\"result\":[{";
    std::string_view document(reinterpret_cast<const char *>(bytes), count);
    const void *found = count == 0 ? nullptr : memmem(bytes, count, opening.data(), opening.size());
    if (!csj::has_wide_blocks || found == nullptr) return false;
    const char *end = document.data() + count;
    const char *first = static_cast<const char *>(found) + opening.size() - 1;
    if (!run.learn(first, end)) return false;
    csj_log log{};
    const char *rest = first;
    uint64_t taken = 0;
    while (true) {
        const char *next = rest;
        if (!run.read(next, end, log) || next == end) break;
        bool is_last = *next == ']';
        // A comma must be followed by a value, so what stands behind it decides whether it can be taken out, too.
        if (!is_last && (end - next < 2 || next[0] != ',' || next[1] != '{')) break;
        if (!on_log(context, &log)) break;
        taken++;
        rest = is_last ? next : next + 1;
        if (is_last) break;
    }
    if (taken == 0) return false;
    size_t before = static_cast<size_t>(first - document.data()), after = static_cast<size_t>(end - rest);
    make_room(before + after);
    memcpy(copy.get(), bytes, before);
    memcpy(copy.get() + before, rest, after);
    memset(copy.get() + before + after, 0, SIMDJSON_PADDING);
    text = copy.get();
    text_readable = copy_capacity;
    text_count = before + after;
    ahead.count = taken;
    ahead.array_offset = before - 1;
    return true;
}

int csj_reader::load(const uint8_t *bytes, size_t count, size_t readable) {
    if (bytes != nullptr && readable >= count && readable - count >= SIMDJSON_PADDING) {
        text = bytes;
        text_readable = readable;
    } else {
        make_room(count);
        if (count > 0) memcpy(copy.get(), bytes, count);
        memset(copy.get() + count, 0, SIMDJSON_PADDING);
        text = copy.get();
        text_readable = copy_capacity;
    }
    text_count = count;
    return CSJ_OK;
}

/// Makes `copy` large enough for a document of `count` bytes and the padding.
void csj_reader::make_room(size_t count) {
    if (count + SIMDJSON_PADDING <= copy_capacity) return;
    copy_capacity = 0;
    copy.reset(new uint8_t[count + count / 4 + SIMDJSON_PADDING]);
    copy_capacity = count + count / 4 + SIMDJSON_PADDING;
}

int csj_reader::split() {
    ondemand::document document;
    error_code code = splitter.iterate(text, text_count, text_readable).get(document);
    if (code) return csj::error(code);
    ondemand::json_type type;
    if ((code = document.type().get(type))) return csj::error(code);
    if (type == ondemand::json_type::object) {
        object reply;
        if ((code = document.get_object().get(reply))) return csj::error(code);
        code = read_reply(document, reply);
    } else if (type == ondemand::json_type::array) {
        ondemand::array array;
        if ((code = document.get_array().get(array))) return csj::error(code);
        for (auto element : array) {
            object reply;
            if ((code = element.get_object().get(reply))) break;
            if ((code = read_reply(document, reply))) break;
        }
    } else {
        return CSJ_SHAPE;
    }
    if (code) return csj::error(code);
    // Anything behind the last bracket makes it two documents.
    return document.current_location().error() == OUT_OF_BOUNDS ? CSJ_OK : CSJ_SYNTAX;
}

error_code csj_reader::read_reply(ondemand::document &document, object reply) {
    csj_reply found{};
    bool is_twice = false;
    for (auto member : reply) {
        ondemand::field field;
        if (auto code = std::move(member).get(field)) return code;
        auto key = field.key();
        if (key == "id") {
            std::string_view digits = trimmed(field.value().raw_json_token());
            if (found.has_id) is_twice = true;
            if (!quoted(digits, digits) && digits.empty()) continue;
            uint64_t id = 0;
            bool is_number = !digits.empty() && digits.size() <= 19;
            for (char digit : digits) {
                if (digit < '0' || digit > '9') is_number = false;
                else id = id * 10 + static_cast<uint64_t>(digit - '0');
            }
            found.has_id = is_number;
            found.id = is_number ? id : 0;
        } else if (key == "result" || key == "error") {
            bool is_error = key == "error";
            ondemand::json_type type;
            if (auto code = field.value().type().get(type)) return code;
            // Many nodes write "error": null beside a result, and "result": null beside an error.
            bool is_null = type == ondemand::json_type::null;
            if (is_null && (is_error || found.kind == CSJ_REPLY_ERROR)) continue;
            bool was_null = found.kind == CSJ_REPLY_RESULT && found.text_count == 4 && is_error &&
                            memcmp(text + found.text_offset, "null", 4) == 0;
            if (found.kind != CSJ_REPLY_NONE && !was_null) is_twice = true;
            bool as_logs = on_log != nullptr && !is_error && type == ondemand::json_type::array;
            found.kind = is_error ? CSJ_REPLY_ERROR : as_logs ? CSJ_REPLY_LOGS : CSJ_REPLY_RESULT;
            if (auto code = as_logs ? read_logs(document, field.value(), found) : read_text(field.value(), found))
                return code;
        }
    }
    if (is_twice) found.kind = CSJ_REPLY_NONE;
    replies.push_back(found);
    return SUCCESS;
}

/// Notes where a value's text lies, without looking into it.
error_code csj_reader::read_text(value result, csj_reply &reply) {
    ondemand::json_type type;
    if (auto code = result.type().get(type)) return code;
    std::string_view found;
    if (type == ondemand::json_type::object) {
        object inner;
        if (auto code = result.get_object().get(inner)) return code;
        if (auto code = inner.raw_json().get(found)) return code;
    } else if (type == ondemand::json_type::array) {
        ondemand::array inner;
        if (auto code = result.get_array().get(inner)) return code;
        if (auto code = inner.raw_json().get(found)) return code;
    } else {
        found = result.raw_json_token();
    }
    found = trimmed(found);
    reply.text_offset = offset(found.data());
    reply.text_count = found.size();
    return SUCCESS;
}

error_code csj_reader::read_logs(ondemand::document &document, value result, csj_reply &reply) {
    reply.first_log = log_count;
    reply.first_bad_log = bad_logs.size();
    uint64_t position = 0;
    // Logs are counted in the order in which they were handed out.
    if (ahead.count > 0 && log_count == 0 && offset(result.raw_json_token().data()) == ahead.array_offset) {
        ahead.is_met = true;
        log_count = position = ahead.count;
    }
    ondemand::array array;
    if (auto code = result.get_array().get(array)) return code;
    for (auto element : array) {
        value entry;
        if (auto code = element.get(entry)) return code;
        ondemand::json_type type;
        if (auto code = entry.type().get(type)) return code;
        const char *start = entry.raw_json_token().data();
        if (type != ondemand::json_type::object) {
            csj_reply found{};
            if (auto code = read_text(entry, found)) return code;
            bad_logs.push_back(csj_bad_log{position, found.text_offset, found.text_count, CSJ_LOG_NOT_OBJECT});
            position++;
            continue;
        }
        RawLog raw;
        if (auto code = read_log(entry, raw)) return code;
        csj_log log{};
        uint32_t fault = raw.decode(log);
        if (fault == CSJ_LOG_OK && !on_log(context, &log)) fault = CSJ_LOG_DATA;
        if (fault == CSJ_LOG_OK) {
            log_count++;
        } else {
            const char *end = nullptr;
            if (auto code = document.current_location().get(end)) return code;
            std::string_view found = trimmed(std::string_view(start, static_cast<size_t>(end - start)));
            bad_logs.push_back(csj_bad_log{position, offset(found.data()), found.size(), fault});
        }
        position++;
    }
    reply.log_count = log_count - reply.first_log;
    reply.bad_log_count = bad_logs.size() - reply.first_bad_log;
    return SUCCESS;
}

/// Collects the members of one log; an error only where the text is no JSON.
error_code csj_reader::read_log(value element, RawLog &raw) {
    object members;
    if (auto code = element.get_object().get(members)) return code;
    for (auto entry : members) {
        ondemand::field field;
        if (auto code = std::move(entry).get(field)) return code;
        uint32_t member = RawLog::member(field.key().raw());
        if (member == 0) continue;
        raw.meet(member);
        std::string_view text;
        if (member == RawLog::topics) {
            ondemand::array topics;
            auto code = field.value().get_array().get(topics);
            if (code == INCORRECT_TYPE) raw.wrong |= RawLog::topics;
            if (code == INCORRECT_TYPE) continue;
            if (code) return code;
            for (auto topic : topics) {
                value word;
                if (auto inner = topic.get(word)) return inner;
                if (quoted(word.raw_json_token(), text)) raw.keep_topic(text);
                else raw.wrong |= RawLog::topics;
            }
        } else if (member == RawLog::removed) {
            raw.is_removed = trimmed(field.value().raw_json_token()) == "true";
        } else if (quoted(field.value().raw_json_token(), text)) {
            raw.keep(member, text);
        } else {
            raw.wrong |= member;
        }
    }
    return SUCCESS;
}
