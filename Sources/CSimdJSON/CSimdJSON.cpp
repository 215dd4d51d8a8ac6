#include "CSimdJSON.h"

#include <new>

#include "Reader.h"

csj_reader *csj_reader_create(size_t maximum_bytes) {
    try {
        return new csj_reader(maximum_bytes);
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

void csj_reader_destroy(csj_reader *reader) { delete reader; }

size_t csj_reader_footprint(const csj_reader *reader) {
    // simdjson keeps 4 bytes of index a byte of text, and its document 8 bytes of tape and 5/3 of strings.
    return reader->text_capacity + reader->splitter.capacity() * 4 + reader->parser.capacity() * 14 +
           reader->logs.capacity() * sizeof(csj_log) + reader->data.capacity();
}

int csj_load(csj_reader *reader, const uint8_t *bytes, size_t count) {
    try {
        return reader->load(bytes, count);
    } catch (const std::bad_alloc &) {
        reader->text_capacity = 0;
        reader->text.reset();
        return CSJ_MEMORY;
    }
}

int csj_read_replies(csj_reader *reader, const uint8_t *bytes, size_t count, bool decode_logs) {
    int code = csj_load(reader, bytes, count);
    if (code != CSJ_OK) return code;
    try {
        return reader->split(decode_logs);
    } catch (const std::bad_alloc &) {
        return CSJ_MEMORY;
    }
}

const uint8_t *csj_text(const csj_reader *reader) { return reader->text.get(); }

const csj_reply *csj_replies(const csj_reader *reader, size_t *count) {
    *count = reader->replies.size();
    return reader->replies.data();
}

const csj_log *csj_logs(const csj_reader *reader, size_t *count) {
    *count = reader->logs.size();
    return reader->logs.data();
}

const csj_bad_log *csj_bad_logs(const csj_reader *reader, size_t *count) {
    *count = reader->bad_logs.size();
    return reader->bad_logs.data();
}

const uint8_t *csj_data(const csj_reader *reader, size_t *count) {
    *count = reader->data.size();
    return reader->data.data();
}
