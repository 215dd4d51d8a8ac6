#include "CRE2.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

struct cre2_pattern {
    re2::RE2 expression;

    cre2_pattern(re2::StringPiece pattern, const re2::RE2::Options &options) : expression(pattern, options) {}
};

namespace {

void explain(const std::string &reason, char *error, size_t capacity) {
    if (error == nullptr || capacity == 0) return;
    const size_t count = std::min(reason.size(), capacity - 1);
    std::memcpy(error, reason.data(), count);
    error[count] = 0;
}

}  // namespace

cre2_pattern *cre2_compile(
    const char *pattern, size_t length, bool is_case_sensitive, int64_t max_memory, char *error,
    size_t error_capacity) try {
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingUTF8);
    options.set_case_sensitive(is_case_sensitive);
    options.set_max_mem(max_memory);
    options.set_never_capture(true);
    options.set_log_errors(false);
    auto *compiled = new cre2_pattern(re2::StringPiece(pattern, length), options);
    if (!compiled->expression.ok()) {
        explain(compiled->expression.error(), error, error_capacity);
        delete compiled;
        return nullptr;
    }
    return compiled;
} catch (const std::exception &exception) {
    explain(exception.what(), error, error_capacity);
    return nullptr;
} catch (...) {
    explain("out of memory", error, error_capacity);
    return nullptr;
}

bool cre2_matches(const cre2_pattern *pattern, const char *text, size_t length) try {
    return pattern->expression.Match(re2::StringPiece(text, length), 0, length, re2::RE2::UNANCHORED, nullptr, 0);
} catch (...) {
    // Out of memory while the automaton grew: no match was found.
    return false;
}

void cre2_free(cre2_pattern *pattern) { delete pattern; }

bool cre2_contains(const void *text, size_t text_length, const void *part, size_t part_length) {
    // Searches in two ways at once (Crochemore and Perrin).
    return memmem(text, text_length, part, part_length) != nullptr;
}
