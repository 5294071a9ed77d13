#include "ingest/formats/freeswitch_decoder.hpp"

#include "ingest/decode/json_body.hpp"
#include "ingest/formats/freeswitch_record.hpp"
#include "ingest/text/percent_base64.hpp"
#include "ingest/text/trim.hpp"

#include <exception>
#include <optional>

namespace tally::ingest {
namespace {

constexpr std::size_t padding = record_batch::padding;

bool is_json(std::string_view text) noexcept {
    return text.starts_with('{') || text.starts_with('[');
}

/// The call id that the switch appends to its URL as "?uuid=", even after a query.
std::string_view uuid_of_query(std::string_view query) noexcept {
    constexpr std::string_view name = "uuid=";
    // Searched from the end: the switch appends its own "?uuid=" to whatever query the operator
    // configured.
    std::size_t index = query.rfind(name);
    while (index != query.npos && index != 0 && query[index - 1] != '?' &&
           query[index - 1] != '&') {
        index = query.rfind(name, index - 1);
    }
    if (index == query.npos) {
        return {};
    }
    std::string_view const value = query.substr(index + name.size());
    return value.substr(0, value.find_first_of("&?"));
}

/// The value of a form's field "cdr", still encoded; nullopt if the text is not such a form.
std::optional<std::string_view> form_value(std::string_view text) noexcept {
    constexpr std::string_view name = "cdr=";
    std::size_t index = 0;
    if (!text.starts_with(name)) {
        index = text.find("&cdr=");
        // A "&cdr=" inside of JSON or on a later line is content, not a field of a form.
        if (index == text.npos || text.substr(0, index).find_first_of("{\"\n") != text.npos) {
            return std::nullopt;
        }
        ++index;
    }
    std::string_view const value = text.substr(index + name.size());
    // mod_format_cdr without encoding puts raw JSON here, which may contain '&'.
    return is_json(value) ? value : value.substr(0, value.find('&'));
}

class freeswitch_decoder final : public json_body_decoder {
  public:
    freeswitch_decoder(decode_context const& context, record_batch& batch) noexcept
        : json_body_decoder(context.sender, batch), query_uuid_(uuid_of_query(context.query)) {}

    /// Decodes text in any of the encodings.
    void run_encoded(std::string_view text);

  private:
    simdjson::error_code read(simdjson::ondemand::object& object) override {
        tokens_ = {};
        return read_freeswitch_tokens(object, tokens_);
    }
    record_fault finish(std::string_view raw) override;
    /// A switch cannot correct its body: it is kept as one rejected record.
    void unreadable_body(record_fault const& fault, std::string_view body) override {
        out_.reject(fault, encoded_.empty() ? body : encoded_);
    }
    std::string_view kept(std::string_view raw) const noexcept override {
        return encoded_.empty() || holds_many_ ? raw : encoded_;
    }
    void run_lines_encoded(std::string_view text);
    void run_json(std::string_view json, std::string_view encoded);
    bool holds_a_record_a_line(std::string_view text);
    std::string_view to_json(std::string_view text);
    std::string_view from_base64(std::string_view text);

    std::string_view query_uuid_;
    freeswitch_tokens tokens_{};
    /// The encoded text that the JSON was decoded from; empty if the JSON itself is in the input.
    std::string_view encoded_;
    bool holds_many_ = false; ///< encoded_ contains several records: `raw` is their JSON
};

record_fault freeswitch_decoder::finish(std::string_view raw) {
    // Before anything is checked: a leg that is left out must not be reported as a bad record.
    if (source_.b_legs == b_leg_policy::skip && is_b_leg(tokens_)) {
        out_.skip();
        return {};
    }
    text_arena& arena = out_.batch().text;
    cdr call;
    call.raw = raw;
    record_fault const fault = read_freeswitch(tokens_, source_, query_uuid_, arena, call);
    if (!fault) {
        out_.accept(call);
    }
    return fault;
}

std::string_view freeswitch_decoder::from_base64(std::string_view text) {
    auto const decoded = base64_decode(text, padding, out_.batch().text);
    std::string_view const json = decoded ? trimmed(strip_bom(*decoded)) : std::string_view{};
    return is_json(json) ? json : std::string_view{};
}

/// The JSON in encoded text, or an empty view.
std::string_view freeswitch_decoder::to_json(std::string_view text) {
    text_arena& arena = out_.batch().text;
    auto const form = form_value(text);
    std::string_view const value = trimmed(form.value_or(text));
    if (is_json(value)) {
        return value;
    }

    // Base64 contains no '%', so without one there is nothing to percent-decode.
    if (value.find('%') == value.npos) {
        return from_base64(value);
    }

    // In a form '+' is a blank; in base64 it is itself. The first result that is JSON is taken.
    auto const plus = form ? plus_sign::is_blank : plus_sign::is_plus;
    auto const plain = trimmed(percent_decode(value, plus, padding, arena));
    if (is_json(plain)) {
        return plain;
    }
    return from_base64(percent_decode(value, plus_sign::is_plus, padding, arena));
}

void freeswitch_decoder::run_encoded(std::string_view text) {
    text = trimmed(strip_bom(text));
    if (is_json(text)) {
        run_json(text, {});
        return;
    }

    // A common mistake of configuration, so it gets a text of its own.
    if (text.starts_with('<')) {
        out_.reject({record_error::not_json, {}, "XML; load mod_json_cdr, not mod_xml_cdr"}, text);
        return;
    }
    if (holds_a_record_a_line(text)) {
        run_lines_encoded(text);
        return;
    }

    // One encoded text: its JSON is decoded, but the encoded bytes are kept as `raw`.
    if (std::string_view const json = to_json(text); !json.empty()) {
        run_json(json, text);
        return;
    }
    out_.reject({record_error::bad_encoding,
                 {},
                 "neither JSON nor a form, percent-encoded or base64 text that holds it"},
                text);
}

/// Whether each line is an encoded record, as in concatenated files of the err-log-dir; base64 may
/// also be broken into lines, but then its first line alone is not complete JSON.
bool freeswitch_decoder::holds_a_record_a_line(std::string_view text) {
    std::size_t const end = text.find('\n');
    if (end == text.npos) {
        return false;
    }
    std::string_view const first = to_json(trimmed(text.substr(0, end)));
    return first.ends_with('}') || first.ends_with(']');
}

void freeswitch_decoder::run_lines_encoded(std::string_view text) {
    for_each_line(text, [this](std::string_view line) { run_encoded(line); });
}

void freeswitch_decoder::run_json(std::string_view json, std::string_view encoded) {
    // `raw` must decode again, alone: of one record the encoded text does, of several only each
    // one's JSON.
    encoded_ = encoded;
    holds_many_ = shape_of(json) != body_shape::document;
    run(json);
    encoded_ = {};
}

} // namespace

void decode_freeswitch(decode_context const& context, record_batch& batch) noexcept {
    try {
        freeswitch_decoder(context, batch).run_encoded(batch.body);
        // No memory, or more rejected records than an input can have: decoders do not throw.
    } catch (std::exception const&) {
        record_collector(batch).reject_body(record_error::record_too_large, no_memory_detail);
    }
}

} // namespace tally::ingest
