#include "ingest/record/payers.hpp"

#include "ingest/base/little_endian.hpp"

#include <algorithm>

namespace tally::ingest {

namespace {

// The bytes: the number of distinct payers, these, then one index per record. Integers are
// little-endian. A payer is its account and its subscription (16 bytes each), its direction (a
// byte), and the length of its error's code (a byte) with the code.

std::uint64_t hash_of(payer const& one) noexcept {
    // A sum mixes well enough: two payers with one hash only cost a repeated entry, see set().
    auto const kind = std::uint64_t{static_cast<std::uint8_t>(one.error)} * 2 +
                      (one.direction == call_direction::inbound ? 1 : 0);
    return uuid_hash{}(one.subscription_id) + kind;
}

payer take_payer(field_reader& bytes) {
    payer one;
    one.account_id = bytes.take_id();
    one.subscription_id = bytes.take_id();
    one.direction =
        bytes.take_number<std::uint8_t>() == 0 ? call_direction::outbound : call_direction::inbound;
    one.error = parse_code(bytes.take_bytes(bytes.take_number<std::uint8_t>()));
    return one;
}

} // namespace

void payers::set(std::uint32_t record, payer const& decided) {
    auto const next = static_cast<std::uint32_t>(distinct_.size());
    auto const [known, is_new] = index_of_.try_emplace(hash_of(decided), next);
    std::uint32_t index = known->second;

    // Two payers with one hash: the second one has no entry in the map, and is listed repeatedly.
    if (is_new || distinct_[index] != decided) {
        index = next;
        distinct_.push_back(decided);
    }

    // Records before it that have no payer (rejected ones, events) keep `none`.
    if (record >= of_record_.size()) {
        of_record_.resize(std::size_t{record} + 1, none);
    }
    of_record_[record] = index;
}

payer const* payers::of(std::uint32_t record) const noexcept {
    bool const is_set = record < of_record_.size() && of_record_[record] != none;
    return is_set ? &distinct_[of_record_[record]] : nullptr;
}

std::string payers::encode() const {
    std::string out;
    if (empty()) {
        return out;
    }

    // The distinct payers first, each written once.
    out.reserve(sizeof none * (1 + of_record_.size()) + distinct_.size() * (2 * sizeof(uuid) + 2));
    put_number(out, static_cast<std::uint32_t>(distinct_.size()));
    for (auto const& one : distinct_) {
        put_id(out, one.account_id);
        put_id(out, one.subscription_id);
        out.push_back(one.direction == call_direction::outbound ? '\0' : '\1');
        auto const error = one.error == record_error::none ? std::string_view{} : code(one.error);
        out.push_back(static_cast<char>(error.size()));
        out.append(error);
    }

    // Then an index for each record, to the end: the number of records is not written.
    for (auto const index : of_record_) {
        put_number(out, index);
    }
    return out;
}

bool payers::decode(std::string_view encoded) {
    *this = {};
    if (encoded.empty()) {
        return true;
    }
    field_reader bytes{encoded};
    auto const count = bytes.take_number<std::uint32_t>();
    for (std::uint32_t i = 0; bytes.ok && i < count; ++i) {
        distinct_.push_back(take_payer(bytes));
    }
    while (bytes.ok && !bytes.left.empty()) {
        of_record_.push_back(bytes.take_number<std::uint32_t>());
    }

    // An index beyond the list would read beyond it later, so such bytes count as unreadable.
    bool const in_range = std::ranges::all_of(
        of_record_, [&](auto index) { return index == none || index < distinct_.size(); });
    if (!bytes.ok || !in_range) {
        *this = {};
        return false;
    }
    return true;
}

} // namespace tally::ingest
