#pragma once
#include <vector>

#include "Hex.h"
#include "Log.h"

namespace csj {

/// Logs that are written alike, one behind the other, read without a parser in between.
///
/// A node writes every log of an answer in the same way: the same members in the same order, with the same blanks. What
/// stands between the values is learned from the first log and then only compared. Whatever differs ends the run.
class LogRun {
  public:
    /// Learns from the log that begins at `text`; false where it is written in an unusual way.
    bool learn(const char *text, const char *end);

    /// Reads the log at `text`, all but the data's digits, and moves `text` behind it; false where it is not alike.
    ///
    /// For processors with wide blocks; others read none.
    bool read(const char *&text, const char *end, csj_log &log) const;

  private:
    enum Kind : uint8_t { address, topics, data, block_number, block_hash, transaction_hash, transaction_index, log_index,
                          passed_over, none };
    /// What stands before a value, up to and with its `0x`, and what the value is.
    struct Piece {
        char before[96];
        size_t count;
        Kind kind;
    };
    std::vector<Piece> pieces;

    bool add(const char *from, const char *to, Kind kind);
};

} // namespace csj
