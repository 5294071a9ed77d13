#include "ingest/record/payers.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <cstring>

namespace tally::ingest {

namespace {

// The bytes: the number of distinct payers, these, then one index per record. Integers are
// little-endian. A payer is its account and its subscription (16 bytes each), its direction (a
// byte), and the length of its error's code (a byte) with the code.
constexpr std::size_t id_bytes = sizeof(uuid::bytes);

void put(std::string& out, std::uint32_t value) {
    boost::endian::native_to_little_inplace(value);
    out.append(reinterpret_cast<char const*>(&value), sizeof value);
}

void put(std::string& out, uuid const& id) {
    out.append(reinterpret_cast<char const*>(id.bytes.data()), id_bytes);
}

/// Takes bytes off the front; `ok` turns false for good when there are not enough.
struct byte_source {
    std::string_view left;
    bool ok = true;

    std::string_view take(std::size_t count) {
        ok = ok && count <= left.size();
        if (!ok) {
            return {};
        }
        auto const bytes = left.substr(0, count);
        left.remove_prefix(count);
        return bytes;
    }
    std::uint32_t number() {
        std::uint32_t value = 0;
        if (auto const bytes = take(sizeof value); ok) {
            std::memcpy(&value, bytes.data(), sizeof value);
        }
        return boost::endian::little_to_native(value);
    }
    std::uint8_t byte() {
        auto const bytes = take(1);
        return ok ? static_cast<std::uint8_t>(bytes.front()) : std::uint8_t{0};
    }
    uuid id() {
        uuid value;
        if (auto const bytes = take(id_bytes); ok) {
            std::memcpy(value.bytes.data(), bytes.data(), id_bytes);
        }
        return value;
    }
};

std::uint64_t hash_of(payer const& one) noexcept {
    auto const kind = std::uint64_t{static_cast<std::uint8_t>(one.error)} * 2 +
                      (one.direction == call_direction::inbound ? 1 : 0);
    return uuid_hash{}(one.subscription_id) + kind;
}

payer take_payer(byte_source& bytes) {
    payer one;
    one.account_id = bytes.id();
    one.subscription_id = bytes.id();
    one.direction = bytes.byte() == 0 ? call_direction::outbound : call_direction::inbound;
    one.error = parse_code(bytes.take(bytes.byte()));
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
    out.reserve(sizeof none * (1 + of_record_.size()) + distinct_.size() * (2 * id_bytes + 2));
    put(out, static_cast<std::uint32_t>(distinct_.size()));
    for (auto const& one : distinct_) {
        put(out, one.account_id);
        put(out, one.subscription_id);
        out.push_back(one.direction == call_direction::outbound ? '\0' : '\1');
        auto const error = one.error == record_error::none ? std::string_view{} : code(one.error);
        out.push_back(static_cast<char>(error.size()));
        out.append(error);
    }
    for (auto const index : of_record_) {
        put(out, index);
    }
    return out;
}

bool payers::decode(std::string_view encoded) {
    *this = {};
    if (encoded.empty()) {
        return true;
    }
    byte_source bytes{encoded};
    auto const count = bytes.number();
    for (std::uint32_t i = 0; bytes.ok && i < count; ++i) {
        distinct_.push_back(take_payer(bytes));
    }
    while (bytes.ok && !bytes.left.empty()) {
        of_record_.push_back(bytes.number());
    }
    bool const in_range = std::ranges::all_of(
        of_record_, [&](auto index) { return index == none || index < distinct_.size(); });
    if (!bytes.ok || !in_range) {
        *this = {};
        return false;
    }
    return true;
}

} // namespace tally::ingest
