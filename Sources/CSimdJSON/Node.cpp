#include <cstring>
#include <new>
#include <string>

#include "Hex.h"
#include "Reader.h"

using namespace simdjson;
using csj::RawLog;

static_assert(sizeof(dom::element) == sizeof(csj_node), "a node holds an element");
static_assert(std::is_trivially_copyable<dom::element>::value, "an element may be copied as bytes");

static dom::element element(csj_node node) {
    dom::element result;
    memcpy(static_cast<void *>(&result), &node, sizeof node);
    return result;
}

static csj_node node(dom::element element) {
    csj_node result;
    memcpy(&result, static_cast<const void *>(&element), sizeof result);
    return result;
}

int csj_open(csj_reader *reader, size_t offset, size_t count, csj_node *root) try {
    if (offset > reader->text_count || count > reader->text_count - offset) return CSJ_SHAPE;
    // The slice is followed by the rest of the document or by padding, so reading too far is harmless.
    if (count > reader->parser.capacity() || reader->parser.max_depth() != csj::maximum_depth) {
        if (auto code = reader->parser.allocate(count + count / 4 + 4096, csj::maximum_depth)) return csj::error(code);
    }
    dom::element result;
    if (auto code = reader->parser.parse(reader->text + offset, count, false).get(result)) return csj::error(code);
    *root = node(result);
    return CSJ_OK;
} catch (const std::bad_alloc &) {
    return CSJ_MEMORY;
}

enum csj_type csj_node_type(csj_node value) {
    switch (element(value).type()) {
    case dom::element_type::ARRAY: return CSJ_ARRAY;
    case dom::element_type::OBJECT: return CSJ_OBJECT;
    case dom::element_type::STRING: return CSJ_STRING;
    case dom::element_type::BOOL: return CSJ_BOOL;
    case dom::element_type::NULL_VALUE: return CSJ_NULL;
    default: return CSJ_NUMBER;
    }
}

int csj_node_member(csj_node value, const char *key, size_t key_count, csj_node *member) {
    dom::object object;
    if (element(value).get_object().get(object)) return 1;
    int found = 0;
    for (auto field : object) {
        if (field.key != std::string_view(key, key_count)) continue;
        if (++found > 1) return 2;
        *member = node(field.value);
    }
    return found == 1 ? 0 : 1;
}

size_t csj_node_elements(csj_node value, csj_node *elements, size_t capacity) {
    dom::array array;
    if (element(value).get_array().get(array)) return 0;
    size_t count = 0;
    for (dom::element entry : array) {
        if (count < capacity) elements[count] = node(entry);
        count++;
    }
    return count;
}

bool csj_node_string(csj_node value, const char **text, size_t *count) {
    std::string_view found;
    if (element(value).get_string().get(found)) return false;
    *text = found.data();
    *count = found.size();
    return true;
}

bool csj_node_integer(csj_node value, int64_t *integer) { return !element(value).get_int64().get(*integer); }

bool csj_node_number(csj_node value, double *number) { return !element(value).get_double().get(*number); }

bool csj_node_bool(csj_node value, bool *truth) { return !element(value).get_bool().get(*truth); }

size_t csj_node_write(csj_node value, char *buffer, size_t capacity) try {
    std::string text = minify(element(value));
    size_t count = text.size() < capacity ? text.size() : capacity;
    memcpy(buffer, text.data(), count);
    return count;
} catch (const std::bad_alloc &) {
    return 0;
}

uint32_t csj_node_log(csj_node value, csj_log *log) try {
    dom::object object;
    if (element(value).get_object().get(object)) return CSJ_LOG_NOT_OBJECT;
    RawLog raw;
    for (auto field : object) {
        // The tape ends keys with a NUL and not with the quote that `member` looks for.
        std::string key(field.key);
        key.push_back('"');
        key.resize(key.size() + SIMDJSON_PADDING);
        uint32_t member = RawLog::member(key.c_str());
        if (member == 0) continue;
        raw.meet(member);
        std::string_view text;
        dom::array topics;
        if (member == RawLog::topics) {
            if (field.value.get_array().get(topics)) raw.wrong |= RawLog::topics;
            else
                for (dom::element topic : topics) {
                    if (topic.get_string().get(text)) raw.wrong |= RawLog::topics;
                    else raw.keep_topic(text);
                }
        } else if (member == RawLog::removed) {
            bool truth = false;
            if (!field.value.get_bool().get(truth)) raw.is_removed = truth;
        } else if (field.value.get_string().get(text)) {
            raw.wrong |= member;
        } else {
            raw.keep(member, text);
        }
    }
    *log = csj_log{};
    return raw.decode(*log);
} catch (const std::bad_alloc &) {
    return CSJ_LOG_DATA;
}
