#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "CFloors.h"

namespace replay {

struct Word {
    uint64_t quarters[4];
    bool operator==(const Word &other) const {
        return quarters[0] == other.quarters[0] && quarters[1] == other.quarters[1] &&
               quarters[2] == other.quarters[2] && quarters[3] == other.quarters[3];
    }
};

/// Which logs a search wants; empty lists are satisfied by all.
struct Filter {
    std::vector<std::string> addresses;
    std::vector<std::vector<std::string>> topics;
    bool operator==(const Filter &other) const { return addresses == other.addresses && topics == other.topics; }
};

/// A chain that is never stored: each block follows from its number, each log from its place and a sample.
class Chain {
  public:
    Chain(const floors_node &node);

    /// Moves the head to where it is at `us` microseconds after the start.
    void grow(uint64_t us) { grown = node.grow_us > 0 ? us / node.grow_us : 0; }
    uint64_t head() const { return node.blocks + grown; }
    uint64_t final() const { return head() > node.behind ? head() - node.behind : 0; }
    uint64_t chain_id() const { return node.chain_id; }
    uint64_t results_max() const { return node.results_max; }
    uint64_t logs_in(uint64_t number) const {
        return number > 0 && number % node.every == 0 ? node.logs_per_block : 0;
    }
    Word block_hash(uint64_t number) const;
    /// The block that `hash` names; false where there is none.
    bool find_block(const Word &hash, uint64_t &number) const;

    void write_block(std::string &out, uint64_t number) const;
    /// Writes the logs of a range; false where they are more than `results_max`, then `out` is as it was.
    bool write_logs(std::string &out, uint64_t first, uint64_t last, const Filter &filter);
    /// Writes the transaction that `hash` names, or null.
    void write_transaction(std::string &out, const Word &hash) const;

  private:
    struct Sample {
        std::string front;
        std::string address;
        std::vector<std::string> topics;
        uint8_t bloom[256];
    };

    floors_node node;
    uint64_t grown = 0;
    std::vector<Sample> samples;
    /// The last filter, and which samples satisfy it.
    Filter filter;
    std::vector<bool> chosen;

    void choose(const Filter &wanted);
    size_t sample(uint64_t number, uint64_t index) const {
        return (number / node.every * node.logs_per_block + index) % samples.size();
    }
    Word transaction_hash(uint64_t number, uint64_t index) const;
};

/// Reads `0x` and 64 digits.
bool read_word(std::string_view text, Word &word);
/// Reads `0x` and up to 16 digits.
bool read_quantity(std::string_view text, uint64_t &value);
void append_quantity(std::string &out, uint64_t value);
void append_word(std::string &out, const Word &word);

} // namespace replay
