#pragma once
#include <simdjson.h>

#include "Chain.h"

namespace replay {

/// The methods of JSON-RPC that the node has.
class Calls {
  public:
    Calls(const floors_node &node) : chain(node), range_max(node.range_max) {}

    /// Writes the answer to one request or a batch of them.
    void answer(std::string_view body, std::string &out);

  private:
    Chain chain;
    uint64_t range_max;
    simdjson::dom::parser parser;

    void reply(simdjson::dom::element request, std::string &out);
    void logs(simdjson::dom::element query, std::string &out);
    bool number(simdjson::dom::element tag, uint64_t &number) const;
};

} // namespace replay
