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

#ifdef __cplusplus
}
#endif
