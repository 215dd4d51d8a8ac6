#pragma once
#include <simdjson.h>

#include <memory>
#include <vector>

#include "CSimdJSON.h"
#include "Log.h"
#include "LogRun.h"

struct csj_reader {
    explicit csj_reader(size_t maximum_bytes) : maximum(maximum_bytes), splitter(maximum_bytes), parser(maximum_bytes) {}

    size_t maximum;
    /// The document, and how much from its start on may be read: simdjson reads up to 64 bytes too far.
    const uint8_t *text = nullptr;
    size_t text_count = 0;
    size_t text_readable = 0;
    /// Where documents are copied to that cannot be read too far.
    std::unique_ptr<uint8_t[]> copy;
    size_t copy_capacity = 0;
    simdjson::ondemand::parser splitter;
    simdjson::dom::parser parser;
    std::vector<csj_reply> replies;
    std::vector<csj_bad_log> bad_logs;
    uint64_t log_count = 0;
    csj_log_callback on_log = nullptr;
    void *context = nullptr;

    int read(const uint8_t *bytes, size_t count, size_t readable);

  private:
    /// Logs that were read ahead of the parser: how many, and where the array is that they were taken out of.
    struct {
        uint64_t count = 0;
        uint64_t array_offset = 0;
        bool is_met = false;
    } ahead;
    csj::LogRun run;

    bool read_ahead(const uint8_t *bytes, size_t count);
    int load(const uint8_t *bytes, size_t count, size_t readable);
    void make_room(size_t count);
    int split();

    using value = simdjson::ondemand::value;
    using object = simdjson::ondemand::object;
    simdjson::error_code read_reply(simdjson::ondemand::document &document, object reply);
    simdjson::error_code read_text(value result, csj_reply &reply);
    simdjson::error_code read_logs(simdjson::ondemand::document &document, value result, csj_reply &reply);
    simdjson::error_code read_log(value element, csj::RawLog &raw);
    uint64_t offset(const char *position) const {
        return static_cast<uint64_t>(reinterpret_cast<const uint8_t *>(position) - text);
    }
};

namespace csj {
/// Deeper documents are refused; the deepest answer that Ethereum's methods give has about eight levels.
constexpr size_t maximum_depth = 64;
int error(simdjson::error_code code);
} // namespace csj
