#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// Who pays for a call. It is decided once, when the record is taken, because the account is a part
/// of the call's key: a record that is read again must have the same key, whatever the catalog says
/// by then (docs/ARCHITECTURE.md, R6).
struct payer {
    uuid account_id; ///< nil: no one, because of `error`
    uuid subscription_id;
    record_error error = record_error::none;
    call_direction direction = call_direction::outbound;

    friend bool operator==(payer const&, payer const&) = default;
};

/// The payers of a body's calls, by the number of the record in the body.
class payers {
  public:
    /// Sets the payer of a record. Records come in any order.
    void set(std::uint32_t record, payer const& decided);
    /// nullptr: nothing was decided for this record.
    [[nodiscard]] payer const* of(std::uint32_t record) const noexcept;
    /// Whether nothing at all was decided.
    [[nodiscard]] bool empty() const noexcept { return of_record_.empty(); }

    /// Bytes for the journal or the database; decode() reads them again.
    [[nodiscard]] std::string encode() const;
    /// False, and nothing is decided, if these are not the bytes of encode().
    [[nodiscard]] bool decode(std::string_view bytes);

    friend bool operator==(payers const& a, payers const& b) {
        return a.distinct_ == b.distinct_ && a.of_record_ == b.of_record_;
    }

  private:
    static constexpr std::uint32_t none = UINT32_MAX;

    std::vector<payer> distinct_;
    std::vector<std::uint32_t> of_record_;                             ///< indices in distinct_
    boost::unordered_flat_map<std::uint64_t, std::uint32_t> index_of_; ///< by hash; used by set()
};

} // namespace tally::ingest
