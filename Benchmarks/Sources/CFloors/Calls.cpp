#include "Calls.h"

using namespace simdjson;

namespace replay {

static void fail(std::string &out, int code, const std::string &message) {
    out += "\"error\":{\"code\":" + std::to_string(code) + ",\"message\":\"" + message + "\"}";
}

static std::string lowered(std::string_view text) {
    std::string result(text);
    for (char &c : result)
        if (c >= 'A' && c <= 'Z') c |= 0x20;
    return result;
}

/// A text, or an array of texts; null is none.
static std::vector<std::string> texts(dom::element element) {
    std::vector<std::string> result;
    std::string_view text;
    dom::array array;
    if (!element.get_string().get(text)) result.push_back(lowered(text));
    if (!element.get_array().get(array))
        for (dom::element entry : array)
            if (!entry.get_string().get(text)) result.push_back(lowered(text));
    return result;
}

uint64_t Calls::answer(std::string_view body, uint64_t us, std::string &out) {
    chain.grow(us);
    highest = 0;
    dom::element request;
    dom::array batch;
    if (parser.parse(body.data(), body.size()).get(request)) {
        out += "{\"jsonrpc\":\"2.0\",\"id\":null,";
        fail(out, -32700, "parse error");
        out.push_back('}');
    } else if (!request.get_array().get(batch)) {
        out.push_back('[');
        bool is_first = true;
        for (dom::element entry : batch) {
            if (!is_first) out.push_back(',');
            is_first = false;
            reply(entry, out);
        }
        out.push_back(']');
    } else {
        reply(request, out);
    }
    return highest;
}

void Calls::reply(dom::element request, std::string &out) {
    out += "{\"jsonrpc\":\"2.0\",\"id\":";
    dom::element id, first;
    out += request["id"].get(id) ? "null" : simdjson::minify(id);
    out.push_back(',');
    std::string_view method, text;
    if (request["method"].get_string().get(method)) method = "";
    bool has_first = !request["params"].at(0).get(first);
    uint64_t height = 0;
    Word word;
    auto quantity = [&](uint64_t value) {
        out += "\"result\":\"";
        append_quantity(out, value);
        out.push_back('"');
    };
    if (method == "eth_chainId") {
        quantity(chain.chain_id());
    } else if (method == "net_version") {
        out += "\"result\":\"" + std::to_string(chain.chain_id()) + "\"";
    } else if (method == "eth_blockNumber") {
        quantity(chain.head());
    } else if (method == "eth_syncing") {
        out += "\"result\":false";
    } else if (method == "eth_getLogs" && has_first) {
        logs(first, out);
    } else if (method == "eth_getBlockByNumber" && has_first) {
        out += "\"result\":";
        if (number(first, height) && height <= chain.head()) block(out, height);
        else out += "null";
    } else if (method == "eth_getBlockByHash" && has_first) {
        out += "\"result\":";
        if (!first.get_string().get(text) && read_word(text, word) && chain.find_block(word, height))
            block(out, height);
        else out += "null";
    } else if (method == "eth_getTransactionByHash" && has_first) {
        out += "\"result\":";
        if (!first.get_string().get(text) && read_word(text, word)) chain.write_transaction(out, word);
        else out += "null";
    } else {
        fail(out, -32601, "the method " + std::string(method.substr(0, 64)) + " does not exist");
    }
    out.push_back('}');
}

void Calls::block(std::string &out, uint64_t number) {
    highest = std::max(highest, number);
    chain.write_block(out, number);
}

void Calls::logs(dom::element query, std::string &out) {
    uint64_t first = chain.head(), last = chain.head();
    Filter filter;
    dom::element member;
    dom::array topics;
    std::string_view text;
    Word hash;
    if (!query["blockHash"].get_string().get(text)) {
        if (!read_word(text, hash) || !chain.find_block(hash, first)) return fail(out, -32000, "unknown block");
        last = first;
    } else {
        if (!query["fromBlock"].get(member) && !number(member, first)) return fail(out, -32602, "invalid fromBlock");
        if (!query["toBlock"].get(member) && !number(member, last)) return fail(out, -32602, "invalid toBlock");
        if (first > last) return fail(out, -32602, "invalid block range params");
        if (last > chain.head()) return fail(out, -32602, "block range extends beyond current head block");
    }
    uint64_t count = last - first + 1;
    if (range_max > 0 && count > range_max)
        return fail(
            out, -32005,
            "eth_getLogs block range too large, range: " + std::to_string(count) +
                ", max: " + std::to_string(range_max));
    if (!query["address"].get(member)) filter.addresses = texts(member);
    if (!query["topics"].get_array().get(topics))
        for (dom::element topic : topics) filter.topics.push_back(texts(topic));
    size_t start = out.size();
    out += "\"result\":";
    if (chain.write_logs(out, first, last, filter)) return;
    out.resize(start);
    fail(out, -32005, "query returned more than " + std::to_string(chain.results_max()) + " results");
}

bool Calls::number(dom::element tag, uint64_t &number) const {
    std::string_view text;
    if (tag.get_string().get(text)) return false;
    if (text == "latest" || text == "pending") number = chain.head();
    else if (text == "safe" || text == "finalized") number = chain.final();
    else if (text == "earliest") number = 0;
    else return read_quantity(text, number);
    return true;
}

} // namespace replay
