// RE2 behind a C interface: patterns and texts are UTF-8 bytes with a length, nothing throws.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_pattern cre2_pattern;

// Compiles `pattern`. Null if it is no pattern or needs more than `max_memory` bytes; `error` then holds the reason,
// cut to `error_capacity` and closed by a zero byte. Whoever receives a pattern frees it.
cre2_pattern *cre2_compile(
    const char *pattern, size_t length, bool is_case_sensitive, int64_t max_memory, char *error, size_t error_capacity);

// Whether some part of `text` matches. Time is linear in `length`. Any number of threads may ask at once.
bool cre2_matches(const cre2_pattern *pattern, const char *text, size_t length);

void cre2_free(cre2_pattern *pattern);

// Whether `part`, which is not empty, stands somewhere in `text`. Time is linear in both, for hostile texts too.
bool cre2_contains(const void *text, size_t text_length, const void *part, size_t part_length);

#ifdef __cplusplus
}
#endif
