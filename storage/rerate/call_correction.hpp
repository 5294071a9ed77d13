#pragma once

#include "storage/postgres/sql_session.hpp"
#include "storage/rerate/adjustment_writer.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace tally::storage {

enum class correction_kind : std::uint8_t {
    voided,   ///< the call no longer costs or counts anything
    disputed, ///< marked; no sum changes, and nothing rates it again
    restored, ///< back to the status before it was voided or disputed
};

/// "void", "dispute", "restore": the command, and column kind of billing.cdr_adjustments.
std::string_view label(correction_kind kind) noexcept;

/// How an operator names a call.
struct call_name {
    std::string account; ///< number or id
    std::string uuid;
    std::string start; ///< RFC 3339; may be empty if the account has one call of that uuid
};

struct correction_outcome {
    bool is_changed = false; ///< false: the call had that status already
    std::string start;       ///< of the call, UTC
    std::string old_status;
    std::string new_status;
    std::string cost;
    std::string currency;
};

/// Voids, disputes and restores single calls: status, usage, allowance, balance and daily aggregate
/// in one transaction, with a row in billing.cdr_adjustments. What a void call had drawn from the
/// allowance is available to later calls; calls that were charged meanwhile stay charged until they
/// are rerated.
///
/// Throws command_error with advice if there is no such call or it must not change, and
/// database_error. One thread.
class call_corrector {
  public:
    explicit call_corrector(sql_session& session) : session_{session} {}

    correction_outcome correct(correction_kind kind, call_name const& name,
                               adjustment_author const& author);

  private:
    struct stored_call_row;

    stored_call_row find(call_name const& name);
    stored_call_row lock(stored_call_row const& found);
    std::string next_status(correction_kind kind, stored_call_row const& call);
    void change(correction_kind kind, stored_call_row const& call, std::string const& status,
                adjustment_author const& author);
    void move_sums(stored_call_row const& call, std::string const& calls);

    sql_session& session_;
};

} // namespace tally::storage
