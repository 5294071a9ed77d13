#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tally::crash {

/// The kind of a record, which also determines its outcome.
enum class record_form : std::uint8_t {
    by_account,     ///< tallyd's own JSON with an account number: a call
    by_number,      ///< the same, found by the caller's number: a call
    from_switch,    ///< mod_json_cdr: a call
    unknown_number, ///< the number has no owner: suspended
    unreadable,     ///< from a switch, not a record: suspended
    refused,        ///< tallyd's own JSON without an end time: refused, and not stored
};

enum class where_to : std::uint8_t { national, elsewhere, london, inbound };

/// A record of the rig's telecom. The seed and its number, which is also in its id, determine all
/// of it: stored records can be compared with sent ones without a list of the latter.
struct sample_call {
    std::uint64_t number = 0;
    record_form form = record_form::by_account;
    int account = 1;
    where_to target = where_to::national;
    std::int64_t seconds = 0;
    std::int64_t start_s = 0; ///< since 1970

    [[nodiscard]] bool is_call() const noexcept { return form <= record_form::from_switch; }
    [[nodiscard]] bool waits() const noexcept {
        return form == record_form::unknown_number || form == record_form::unreadable;
    }
    /// The record as it is sent, with a line end.
    [[nodiscard]] std::string text() const;
};

/// The number of accounts, see tests::make_telecom. Few, so that lanes and daemons compete for
/// them.
inline constexpr int accounts = 40;

sample_call call_of(std::uint64_t seed, std::uint64_t number);

/// The id of a record with this number; as PostgreSQL prints it.
std::string id_of(std::uint64_t number);
/// The number in an id that id_of made.
std::uint64_t number_of(std::string_view id);
/// The number of the first such id in a text. Throws when there is none.
std::uint64_t number_in(std::string_view text);

/// The records of one push, with consecutive numbers.
struct sample_push {
    /// Numbers of a push begin at a multiple of this.
    static constexpr std::uint64_t numbers = 64;

    std::uint64_t index = 0; ///< index among all pushes
    bool is_from_switch = false;
    std::vector<sample_call> calls;

    [[nodiscard]] std::string target() const;
    [[nodiscard]] std::string body() const;
    [[nodiscard]] std::uint64_t refused() const;
};

/// With at most `calls_max` calls.
sample_push push_of(std::uint64_t seed, std::uint64_t index,
                    std::uint64_t calls_max = sample_push::numbers);

} // namespace tally::crash
