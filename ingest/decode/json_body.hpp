#pragma once

#include "ingest/decode/decoder_tools.hpp"
#include "ingest/decode/json_input.hpp"
#include "ingest/record/source.hpp"

// Included by decoders' .cpp files only: brings simdjson along.

namespace tally::ingest {

/// Splits a body of JSON records, whatever its shape, and passes each record to the derived class
/// of its format. A line of NDJSON that cannot be read is one rejected record. A body that is not
/// JSON, or an array that breaks off, fails as a whole. Invalid UTF-8 is replaced, never rejected.
class json_body_decoder {
  public:
    json_body_decoder(source const& source, record_batch& batch) noexcept
        : source_(source), out_(batch), parser_(json_parser::of_this_thread()) {}
    json_body_decoder(json_body_decoder const&) = delete;
    json_body_decoder& operator=(json_body_decoder const&) = delete;
    virtual ~json_body_decoder() = default;

    /// `body` has record_batch::padding readable bytes after its end and lives as long as the
    /// batch.
    void run(std::string_view body);

  protected:
    /// Reads all members of a record's object, so that the parser is positioned after it.
    virtual simdjson::error_code read(simdjson::ondemand::object& object) = 0;
    /// Makes a record of the members that were read last, or returns the fault.
    virtual record_fault finish(std::string_view raw) = 0;
    /// `body` cannot be split into records; the records read from it have been removed.
    virtual void unreadable_body(record_fault const& fault, std::string_view body) = 0;
    /// The bytes to keep of a record whose text is at `raw`.
    [[nodiscard]] virtual std::string_view kept(std::string_view raw) const noexcept { return raw; }

    source const& source_;
    record_collector out_;

  private:
    void run_lines(std::string_view body);
    void run_document(std::string_view body, body_shape shape);
    void run_array(std::string_view body);
    void fail(record_error error, std::string_view body);
    record_fault decode_text(std::string_view raw, std::string_view text);
    simdjson::error_code decode_elements(simdjson::ondemand::document& document);
    simdjson::error_code decode_element(simdjson::ondemand::value element,
                                        simdjson::ondemand::document& document);

    json_parser& parser_;
    record_collector::mark begin_{};
};

} // namespace tally::ingest
