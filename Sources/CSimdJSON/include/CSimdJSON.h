#pragma once
// JSON-RPC answers to flat memory, by simdjson. The C face of a C++ reader.
//
// Everything that is read comes from a stranger. Every function is total: a document that is no JSON, is too deep or too
// large, or holds something unexpected gives an error code. A reader is for one thread at a time.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Why a document could not be read; 0 is success.
enum csj_error {
    CSJ_OK = 0,
    CSJ_MEMORY = 1,    // no memory
    CSJ_TOO_LARGE = 2, // longer than the reader takes
    CSJ_SYNTAX = 3,    // not JSON, or not UTF-8
    CSJ_TOO_DEEP = 4,
    CSJ_SHAPE = 5,     // JSON, but neither an object nor an array of objects
};

/// Why a log is malformed; 0 is none.
enum csj_log_fault {
    CSJ_LOG_OK = 0,
    CSJ_LOG_NOT_OBJECT = 1,
    CSJ_LOG_ADDRESS = 2,
    CSJ_LOG_TOPICS = 3,
    CSJ_LOG_DATA = 4,
    CSJ_LOG_BLOCK_NUMBER = 5,
    CSJ_LOG_BLOCK_HASH = 6,
    CSJ_LOG_TRANSACTION_HASH = 7,
    CSJ_LOG_TRANSACTION_INDEX = 8,
    CSJ_LOG_INDEX = 9,
    CSJ_LOG_DUPLICATE_KEY = 10,
};

/// A log with its hexadecimal decoded, but for the data. Words are parts in host order, the most significant first.
typedef struct {
    uint64_t topics[4][4];
    uint64_t block_hash[4];
    uint64_t transaction_hash[4];
    uint64_t address_high;
    uint64_t address_middle;
    uint64_t block_number;
    const char *data; // digits behind `0x`, not looked at yet; valid as long as the document
    uint64_t data_digits;
    uint32_t address_low;
    uint32_t transaction_index;
    uint32_t log_index;
    uint8_t topic_count;
    bool is_removed;
} csj_log;

/// A log that could not be decoded, and the text of it.
typedef struct {
    uint64_t position; // in the answer's array
    uint64_t text_offset; // into the document
    uint64_t text_count;
    uint32_t fault;
} csj_bad_log;

/// What a reply holds.
enum csj_reply_kind {
    CSJ_REPLY_NONE = 0, // neither result nor error, or one of them twice
    CSJ_REPLY_RESULT = 1,
    CSJ_REPLY_LOGS = 2, // the result was an array, decoded as logs
    CSJ_REPLY_ERROR = 3,
};

/// One reply of an answer. The text of a result or an error lies at `text_offset`.
typedef struct {
    uint64_t id;
    bool has_id; // whether the id is an integer, or a string of digits
    uint32_t kind;
    uint64_t text_offset;
    uint64_t text_count;
    uint64_t first_log; // counted over all logs of the answer that were handed out
    uint64_t log_count;
    uint64_t first_bad_log;
    uint64_t bad_log_count;
} csj_reply;

typedef struct csj_reader csj_reader;

/// Takes a log as it is read; false when its data is no hexadecimal, which makes the log a malformed one.
///
/// NULL takes back all logs so far: the document is read again in another way.
typedef bool (*csj_log_callback)(void *context, const csj_log *log);

/// A reader for documents up to `maximum_bytes`; NULL without memory.
csj_reader *csj_reader_create(size_t maximum_bytes);
void csj_reader_destroy(csj_reader *reader);
/// About how many bytes the reader keeps for the next document.
size_t csj_reader_footprint(const csj_reader *reader);

/// Splits an answer, one object or an array of them. What earlier calls returned is void.
///
/// With `on_log`, every result that is an array is read as logs. Where at least 64 bytes behind the document may be
/// read, too, which `readable` tells, the document is used in place and must outlive what is read from it; otherwise it
/// is copied.
int csj_read_replies(
    csj_reader *reader, const uint8_t *bytes, size_t count, size_t readable, csj_log_callback on_log, void *context);

const uint8_t *csj_text(const csj_reader *reader);
const csj_reply *csj_replies(const csj_reader *reader, size_t *count);
const csj_bad_log *csj_bad_logs(const csj_reader *reader, size_t *count);

/// A value within the document that was opened last.
typedef struct {
    uint64_t opaque[2];
} csj_node;

enum csj_type {
    CSJ_NULL = 0,
    CSJ_BOOL = 1,
    CSJ_NUMBER = 2,
    CSJ_STRING = 3,
    CSJ_ARRAY = 4,
    CSJ_OBJECT = 5,
};

/// Parses the text at `offset` of what was loaded; whatever was opened before is void.
int csj_open(csj_reader *reader, size_t offset, size_t count, csj_node *root);
enum csj_type csj_node_type(csj_node node);
/// The member called `key`. 0 when found, 1 when there is none or no object, 2 when there are several.
int csj_node_member(csj_node object, const char *key, size_t key_count, csj_node *member);
/// The elements of an array, at most `capacity` of them; answers how many there are, 0 for anything else.
size_t csj_node_elements(csj_node array, csj_node *elements, size_t capacity);
/// The decoded text of a string; false for anything else. Valid until the next `csj_open`.
bool csj_node_string(csj_node node, const char **text, size_t *count);
bool csj_node_integer(csj_node node, int64_t *value);
bool csj_node_number(csj_node node, double *value);
bool csj_node_bool(csj_node node, bool *value);
/// The value written as JSON again, at most `capacity` bytes of it; answers how many were written.
size_t csj_node_write(csj_node node, char *buffer, size_t capacity);
/// Decodes a log of a receipt; answers the fault.
uint32_t csj_node_log(csj_node node, csj_log *log);

/// Decodes `count` hexadecimal digits to half as many bytes; false on an odd count or another character.
bool csj_hex(const char *digits, size_t count, uint8_t *bytes);

#ifdef __cplusplus
}
#endif
