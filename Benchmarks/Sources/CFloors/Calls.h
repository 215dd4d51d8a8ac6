#pragma once
#include <simdjson.h>

#include "Chain.h"

namespace replay {

/// The methods of JSON-RPC that the node has.
class Calls {
  public:
    Calls(const floors_node &node) : chain(node), range_max(node.range_max) {}

    /// Writes the answer to one request or a batch of them, `us` microseconds after the start; the highest block in it.
    uint64_t answer(std::string_view body, uint64_t us, std::string &out);

  private:
    Chain chain;
    uint64_t range_max;
    uint64_t highest = 0;
    simdjson::dom::parser parser;

    void reply(simdjson::dom::element request, std::string &out);
    void block(std::string &out, uint64_t number);
    void logs(simdjson::dom::element query, std::string &out);
    bool number(simdjson::dom::element tag, uint64_t &number) const;
};

} // namespace replay
