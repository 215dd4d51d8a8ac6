#include "Chain.h"

#include <cstring>

namespace replay {

static constexpr char digits[] = "0123456789abcdef";

static uint64_t mix(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
    value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
    return value ^ (value >> 31);
}

static void put_quarter(char *text, uint64_t value) {
    for (int place = 15; place >= 0; place--, value >>= 4) text[place] = digits[value & 15];
}

static void put_word(char *text, const Word &word) {
    for (int quarter = 0; quarter < 4; quarter++) put_quarter(text + 16 * quarter, word.quarters[quarter]);
}

void append_word(std::string &out, const Word &word) {
    char text[66] = {'0', 'x'};
    put_word(text + 2, word);
    out.append(text, sizeof text);
}

void append_quantity(std::string &out, uint64_t value) {
    char text[18];
    char *start = text + sizeof text;
    do *--start = digits[value & 15]; while (value >>= 4);
    *--start = 'x';
    *--start = '0';
    out.append(start, static_cast<size_t>(text + sizeof text - start));
}

bool read_quantity(std::string_view text, uint64_t &value) {
    if (text.size() < 3 || text.size() > 18 || text[0] != '0' || text[1] != 'x') return false;
    value = 0;
    for (char c : text.substr(2)) {
        const char *found = static_cast<const char *>(memchr(digits, c | 0x20, 16));
        if (c >= '0' && c <= '9') found = digits + (c - '0');
        if (!found) return false;
        value = value << 4 | static_cast<uint64_t>(found - digits);
    }
    return true;
}

bool read_word(std::string_view text, Word &word) {
    if (text.size() != 66 || text[0] != '0' || text[1] != 'x') return false;
    for (int quarter = 0; quarter < 4; quarter++) {
        std::string part = "0x" + std::string(text.substr(2 + 16 * quarter, 16));
        if (!read_quantity(part, word.quarters[quarter])) return false;
    }
    return true;
}

/// Where a number hides in a hash, so that hashes need not be looked up.
static constexpr uint64_t number_mask = 0x5bd1e995c2b2ae35, index_mask = 0x27d4eb2f165667c5;

Chain::Chain(const floors_node &given) : node(given) {
    if (node.every == 0) node.every = 1;
    for (size_t place = 0; place < node.sample_count; place++) {
        const floors_sample &given = node.samples[place];
        Sample sample;
        sample.front = given.front;
        sample.address = given.address;
        for (size_t topic = 0; topic < given.topic_count; topic++) sample.topics.push_back(given.topics[topic]);
        memcpy(sample.bloom, given.bloom, sizeof sample.bloom);
        samples.push_back(std::move(sample));
    }
    chosen.assign(samples.size(), true);
}

Word Chain::block_hash(uint64_t number) const {
    uint64_t first = mix(number * 2 + 1), second = mix(first);
    return {{first, number ^ number_mask, second, mix(second)}};
}

bool Chain::find_block(const Word &hash, uint64_t &number) const {
    number = hash.quarters[1] ^ number_mask;
    return number <= head() && block_hash(number) == hash;
}

Word Chain::transaction_hash(uint64_t number, uint64_t index) const {
    uint64_t first = mix(number * 2), second = mix(first + index);
    return {{second, number ^ number_mask, index ^ index_mask, mix(second)}};
}

static void append_account(std::string &out, const Word &word) {
    char text[66];
    put_word(text, {{mix(word.quarters[3]), mix(word.quarters[0]), mix(word.quarters[1]), 0}});
    out.append("\"0x").append(text, 40).push_back('"');
}

void Chain::write_block(std::string &out, uint64_t number) const {
    uint8_t bloom[256] = {};
    uint64_t count = logs_in(number);
    for (uint64_t index = 0; index < count; index++) {
        const uint8_t *other = samples[sample(number, index)].bloom;
        for (int byte = 0; byte < 256; byte++) bloom[byte] |= other[byte];
    }
    char text[512];
    for (int byte = 0; byte < 256; byte++) {
        text[2 * byte] = digits[bloom[byte] >> 4];
        text[2 * byte + 1] = digits[bloom[byte] & 15];
    }
    out += "{\"number\":\"";
    append_quantity(out, number);
    out += "\",\"hash\":\"";
    append_word(out, block_hash(number));
    out += "\",\"parentHash\":\"";
    append_word(out, number > 0 ? block_hash(number - 1) : Word{});
    out += "\",\"timestamp\":\"";
    append_quantity(out, 1'600'000'000 + 2 * number);
    out += "\",\"logsBloom\":\"0x";
    out.append(text, sizeof text);
    for (const char *root : {"stateRoot", "transactionsRoot", "receiptsRoot", "sha3Uncles", "mixHash"}) {
        out.append("\",\"").append(root).append("\":\"");
        append_word(out, {{mix(number), static_cast<uint64_t>(root[0]), number, mix(number + 1)}});
    }
    out += "\",\"miner\":\"0x0000000000000000000000000000000000000000\",\"nonce\":\"0x0000000000000000\","
           "\"difficulty\":\"0x0\",\"totalDifficulty\":\"0x0\",\"gasLimit\":\"0x1c9c380\",\"gasUsed\":\"";
    append_quantity(out, 200'000 * count);
    out += "\",\"baseFeePerGas\":\"0x7\",\"extraData\":\"0x\",\"size\":\"0x400\",\"uncles\":[],\"transactions\":[";
    for (uint64_t index = 0; index < count; index++) {
        out += index == 0 ? "\"" : ",\"";
        append_word(out, transaction_hash(number, index));
        out.push_back('"');
    }
    out += "]}";
}

void Chain::choose(const Filter &wanted) {
    if (wanted == filter) return;
    filter = wanted;
    auto has = [](const std::vector<std::string> &list, const std::string &text) {
        for (auto &other : list)
            if (other == text) return true;
        return list.empty();
    };
    for (size_t place = 0; place < samples.size(); place++) {
        const Sample &sample = samples[place];
        bool fits = has(filter.addresses, sample.address);
        for (size_t topic = 0; topic < filter.topics.size(); topic++)
            fits = fits && (filter.topics[topic].empty() ||
                            (topic < sample.topics.size() && has(filter.topics[topic], sample.topics[topic])));
        chosen[place] = fits;
    }
}

bool Chain::write_logs(std::string &out, uint64_t first, uint64_t last, const Filter &wanted) {
    choose(wanted);
    size_t start = out.size();
    uint64_t found = 0;
    out.push_back('[');
    std::string tail;
    for (uint64_t number = (first + node.every - 1) / node.every * node.every; number <= last; number += node.every) {
        uint64_t count = logs_in(number);
        if (count == 0) continue;
        // What all logs of a block have in common.
        tail = "\",\"blockNumber\":\"";
        append_quantity(tail, number);
        tail += "\",\"blockHash\":\"";
        append_word(tail, block_hash(number));
        tail += "\",\"blockTimestamp\":\"";
        append_quantity(tail, 1'600'000'000 + 2 * number);
        tail += "\",\"transactionHash\":\"0x";
        for (uint64_t index = 0; index < count; index++) {
            size_t place = sample(number, index);
            if (!chosen[place]) continue;
            if (found++ > 0) out.push_back(',');
            out.append(samples[place].front).append(tail);
            char hash[64];
            put_word(hash, transaction_hash(number, index));
            out.append(hash, sizeof hash).append("\",\"transactionIndex\":\"");
            append_quantity(out, index);
            out += "\",\"logIndex\":\"";
            append_quantity(out, index);
            out += "\",\"removed\":false}";
        }
        if (node.results_max > 0 && found > node.results_max) {
            out.resize(start);
            return false;
        }
    }
    out.push_back(']');
    return true;
}

void Chain::write_transaction(std::string &out, const Word &hash) const {
    uint64_t number = hash.quarters[1] ^ number_mask, index = hash.quarters[2] ^ index_mask;
    if (number > head() || index >= logs_in(number) || !(transaction_hash(number, index) == hash)) {
        out += "null";
        return;
    }
    out += "{\"hash\":\"";
    append_word(out, hash);
    out += "\",\"blockHash\":\"";
    append_word(out, block_hash(number));
    out += "\",\"blockNumber\":\"";
    append_quantity(out, number);
    out += "\",\"transactionIndex\":\"";
    append_quantity(out, index);
    out += "\",\"from\":";
    append_account(out, hash);
    out.append(",\"to\":\"").append(samples[sample(number, index)].address);
    out += "\",\"type\":\"0x0\",\"nonce\":\"0x1\",\"value\":\"0x0\",\"gas\":\"0x30d40\",\"gasPrice\":\"0x7\","
           "\"input\":\"0x\",\"v\":\"0x1b\",\"r\":\"0x1\",\"s\":\"0x1\"}";
}

} // namespace replay
