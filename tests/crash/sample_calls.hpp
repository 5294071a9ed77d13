#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tally::crash {

/// How a record comes, and with that what has to become of it.
enum class record_form : std::uint8_t {
    by_account,     ///< tallyd's own JSON with an account number: a call
    by_number,      ///< the same, found by the caller's number: a call
    from_switch,    ///< mod_json_cdr: a call
    unknown_number, ///< nobody has this number: waits in suspense
    unreadable,     ///< from a switch, no record at all: waits in suspense
    refused,        ///< tallyd's own JSON without an end: refused, and nowhere
};

enum class where_to : std::uint8_t { national, elsewhere, london, inbound };

/// A record of the rig's telecom. All of it follows from the seed and its number, which is also in
/// its id: so what is stored can be held against what was sent, without a list of it.
struct sample_call {
    std::uint64_t number = 0;
    record_form form = record_form::by_account;
    int account = 1;
    where_to to = where_to::national;
    std::int64_t seconds = 0;
    std::int64_t start_s = 0; ///< since 1970

    [[nodiscard]] bool is_call() const noexcept { return form <= record_form::from_switch; }
    [[nodiscard]] bool waits() const noexcept {
        return form == record_form::unknown_number || form == record_form::unreadable;
    }
    /// As it is sent, with a line end.
    [[nodiscard]] std::string text() const;
};

/// Accounts of the telecom, see tests::make_telecom. Few, so that lanes and daemons meet at them.
inline constexpr int accounts = 40;

sample_call call_of(std::uint64_t seed, std::uint64_t number);

/// The id of a record with this number; as PostgreSQL prints it.
std::string id_of(std::uint64_t number);
/// The number in an id that id_of made.
std::uint64_t number_of(std::string_view id);
/// The number of the first such id in a text. Throws when there is none.
std::uint64_t number_in(std::string_view text);

/// What goes in one push: records with numbers that follow one another.
struct sample_push {
    /// Numbers of a push begin at a multiple of this.
    static constexpr std::uint64_t numbers = 64;

    std::uint64_t place = 0; ///< which of all pushes
    bool is_from_switch = false;
    std::vector<sample_call> calls;

    [[nodiscard]] std::string target() const;
    [[nodiscard]] std::string body() const;
    [[nodiscard]] std::uint64_t refused() const;
};

sample_push push_of(std::uint64_t seed, std::uint64_t place);

} // namespace tally::crash
