#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/decode/json_input.hpp"
#include "ingest/formats/event_members.hpp"
#include "ingest/record/event.hpp"

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <vector>

// Included by .cpp files only: brings simdjson along.

namespace tally::ingest {

/// Reads the members of one event's data for its kind; each call returns false at the first fault.
/// Members that were not read become the event's properties. One per thread, to reuse its memory.
class event_data_reader {
  public:
    static event_data_reader& of_this_thread();

    /// Parses `data`: an object as append_json_value writes it, with padding after its end.
    bool open(std::string_view data, text_arena& arena);
    [[nodiscard]] record_fault const& fault() const noexcept { return fault_; }
    bool fail(record_error error, event_member name, std::string_view detail) noexcept;
    bool fail_field(record_error error, std::string_view field, std::string_view detail) noexcept;

    [[nodiscard]] bool has(event_member name) const noexcept;
    bool require(event_member name);
    /// A string or number; empty if it is absent.
    bool text(event_member name, std::string_view& out, std::size_t bytes_max = text_bytes_max);
    /// Like text, but required.
    bool required_text(event_member name, std::string_view& out,
                       std::size_t bytes_max = text_bytes_max);
    bool uuid_of(event_member name, uuid& out);
    /// `out` keeps its value if the member is absent.
    bool integer(event_member name, std::int64_t min, std::int64_t max, std::int64_t& out);
    bool decimal(event_member name, int128& out);
    /// Ignores case; `out` is the word as in the list.
    bool word(event_member name, std::initializer_list<std::string_view> words,
              std::string_view& out);
    /// For a member that a function of the database reads: exactly as in the list.
    bool exact_word(event_member name, std::initializer_list<std::string_view> words);
    bool address(event_member name, std::string_view& out);
    bool time(event_member name);
    bool object(event_member name);

    /// The members that were not read, as one JSON object in the arena; empty if there are none.
    std::string_view properties();
    /// Appends all members, in the order of their names.
    void append_content(std::string& out);

  private:
    struct member {
        std::string_view name; ///< escaped, as in the input
        std::string_view value;
        std::size_t index = event_member_keys.absent;
    };

    json_token const& token(event_member name) noexcept;

    json_parser parser_;
    text_arena* arena_ = nullptr;
    std::vector<member> members_;
    std::vector<std::uint32_t> order_;
    std::array<json_token, event_member_count> tokens_{};
    std::bitset<event_member_count> asked_;
    std::string built_;
    record_fault fault_;
};

} // namespace tally::ingest
