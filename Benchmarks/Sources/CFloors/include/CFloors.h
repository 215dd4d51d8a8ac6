#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Parses `count` bytes of JSON `times` times with one simdjson parser, whole documents into its tape.
///
/// Returns the seconds of CPU time that parsing took, or a negative number where the text is not JSON.
double floors_parse(const char *bytes, size_t count, int times);

/// What a loop of requests came to.
typedef struct {
    /// Requests that were answered with 200...299.
    uint64_t succeeded;
    /// Requests that were not.
    uint64_t failed;
    /// From the first request to the last answer.
    double seconds;
} floors_requests;

/// Sends `count` POST requests with `concurrency` libcurl handles on one multi handle and one thread, and nothing else.
///
/// `headers` are `header_count` lines such as "content-type: application/json".
floors_requests floors_post(
    const char *url, const char *const *headers, size_t header_count, const char *body, size_t body_size,
    uint64_t count, int concurrency);

/// Gives memory that is no longer used back to the system, so that what is resident is what is used.
void floors_trim(void);

/// A log that the node shows again and again, each time at another place.
typedef struct {
    /// The log as JSON from its bracket to the last digit of its data.
    const char *front;
    const char *address;
    const char *const *topics;
    size_t topic_count;
    /// The 256 bytes of the bloom of this log alone.
    const uint8_t *bloom;
} floors_sample;

/// A chain that is made up as it is asked for.
typedef struct {
    uint64_t chain_id;
    /// The number of the newest block at the start; the first one is 0 and has no logs.
    uint64_t blocks;
    /// After so many microseconds there is a new block, again and again; 0 for never.
    uint64_t grow_us;
    /// Every block whose number is a multiple of `every` has `logs_per_block` logs, each of its own transaction.
    uint64_t logs_per_block;
    uint64_t every;
    /// How far the safe and the finalized block are behind the newest.
    uint64_t behind;
    /// How long each answer is held back.
    uint64_t latency_us;
    /// The most blocks and logs that a search may have; 0 for any number.
    uint64_t range_max;
    uint64_t results_max;
    /// A file that gets a line for each answer: when its request was read, when its last byte was handed to the socket
    /// (microseconds since 1970), and the highest block in it; none where it is null.
    const char *journal;
    const floors_sample *samples;
    size_t sample_count;
} floors_node;

/// Serves JSON-RPC over HTTP/1.1 on the loopback interface, on one thread, until the process ends.
///
/// Calls `on_ready` with the port, which is any free one for 0. Returns only on failure, with `errno` set.
void floors_serve(const floors_node *node, uint16_t port, void (*on_ready)(uint16_t port, void *context), void *context);

#ifdef __cplusplus
}
#endif
