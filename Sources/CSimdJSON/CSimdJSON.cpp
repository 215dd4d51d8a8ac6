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
    // simdjson keeps 4 bytes of index a byte of text, and for documents 8 bytes of tape and 5/3 of strings besides.
    return reader->copy_capacity + reader->splitter.capacity() * 4 + reader->parser.capacity() * 14;
}

int csj_read_replies(
    csj_reader *reader, const uint8_t *bytes, size_t count, size_t readable, csj_log_callback on_log, void *context) {
    reader->on_log = on_log;
    reader->context = context;
    try {
        return reader->read(bytes, count, readable);
    } catch (const std::bad_alloc &) {
        return CSJ_MEMORY;
    }
}

const uint8_t *csj_text(const csj_reader *reader) { return reader->text; }

const csj_reply *csj_replies(const csj_reader *reader, size_t *count) {
    *count = reader->replies.size();
    return reader->replies.data();
}

const csj_bad_log *csj_bad_logs(const csj_reader *reader, size_t *count) {
    *count = reader->bad_logs.size();
    return reader->bad_logs.data();
}
