#include "ingest/decode/json_body.hpp"

#include "ingest/json/error.hpp"
#include "ingest/json/utf8_text.hpp"
#include "ingest/text/trim.hpp"

namespace tally::ingest {
namespace {

namespace ondemand = simdjson::ondemand;

record_fault fault_of(record_error error) noexcept {
    return {error,
            {},
            error == record_error::not_json ? "not a JSON value from its first byte to its last"
                                            : explain(error)};
}

/// The error of a text that does not begin like an object.
record_error not_an_object_or_json(std::string_view text) {
    std::string ignored;
    return append_json_value(text, ignored) == record_error::none ? record_error::not_an_object
                                                                  : record_error::not_json;
}

bool is_at_end(ondemand::document& document) noexcept {
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

} // namespace

void json_body_decoder::run(std::string_view body) {
    body = trimmed(strip_bom(body));

    // One body may be one of several (lines of encoded records), so a failure rolls back only to
    // here.
    begin_ = out_.position();

    body_shape const shape = shape_of(body);
    switch (shape) {
    case body_shape::empty:
        unreadable_body({record_error::not_json, {}, "the input is empty"}, body);
        break;
    case body_shape::array:
        run_array(body);
        break;
    case body_shape::lines:
        run_lines(body);
        break;
    case body_shape::document:
    case body_shape::document_or_lines:
        run_document(body, shape);
        break;
    }

    parser_.trim();
}

void json_body_decoder::run_lines(std::string_view body) {
    for_each_line(body, [this](std::string_view line) {
        if (record_fault const fault = decode_text(line, line)) {
            out_.reject(fault, kept(line));
        }
    });
}

void json_body_decoder::run_document(std::string_view body, body_shape shape) {
    record_fault const fault = decode_text(body, body);
    bool const is_no_json = fault.error == record_error::not_json && fault.field.empty();

    // A first line that looks like the beginning of a longer value may also be a broken line of
    // NDJSON.
    if (is_no_json && shape == body_shape::document_or_lines && body.find("\n{") != body.npos) {
        run_lines(body);
    } else if (is_no_json) {
        fail(fault.error, body);
    } else if (fault) {
        out_.reject(fault, kept(body));
    }
}

/// Decodes the one record in `text`, which is `raw`, or a sanitized copy of it.
record_fault json_body_decoder::decode_text(std::string_view raw, std::string_view text) {
    if (raw.size() > source_.record_bytes_max) {
        return fault_of(record_error::record_too_large);
    }
    ondemand::document document;
    ondemand::object object;
    simdjson::error_code error = parser_.iterate(text, document);

    // Invalid characters are replaced, once: the record is not lost for them.
    if (error == simdjson::UTF8_ERROR && raw.data() == text.data()) {
        return decode_text(raw,
                           replace_invalid_utf8(raw, record_batch::padding, out_.batch().text));
    }

    // Each step is taken only if the one before it succeeded, so the first error is the one that is
    // reported.
    error = error ? error : document.get_object().get(object);
    error = error ? error : read(object);

    if (error == simdjson::INCORRECT_TYPE) {
        return fault_of(not_an_object_or_json(text));
    }
    if (error) {
        return fault_of(json_error(error));
    }

    // On Demand stops after the object; more text on the line means that it is no single record.
    return is_at_end(document) ? finish(kept(raw)) : fault_of(record_error::not_json);
}

void json_body_decoder::fail(record_error error, std::string_view body) {
    out_.roll_back(begin_);
    unreadable_body(fault_of(error), body);
}

void json_body_decoder::run_array(std::string_view body) {
    // The sender's own bytes, which `raw` of a failed body has to show.
    std::string_view const original = body;
    ondemand::document document;
    simdjson::error_code error = parser_.iterate(body, document);
    if (error == simdjson::UTF8_ERROR) {
        body = replace_invalid_utf8(body, record_batch::padding, out_.batch().text);
        error = parser_.iterate(body, document);
    }

    error = error ? error : decode_elements(document);
    if (error) {
        fail(json_error(error), original);
    }
}

simdjson::error_code json_body_decoder::decode_elements(ondemand::document& document) {
    ondemand::array array;
    if (auto const error = document.get_array().get(array)) {
        return error;
    }

    // A bad element is rejected alone; only an error of the array itself ends the loop.
    for (auto each : array) {
        ondemand::value element;
        if (auto const error = std::move(each).get(element)) {
            return error;
        }
        if (auto const error = decode_element(element, document)) {
            return error;
        }
    }
    return is_at_end(document) ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
}

/// A returned error is one of the whole array: On Demand cannot find the next element after it.
simdjson::error_code json_body_decoder::decode_element(ondemand::value element,
                                                       ondemand::document& document) {
    std::string_view const first = element.raw_json_token();
    if (!first.starts_with('{')) {
        json_token token;
        auto const error = read_token(element, token);
        if (!error) {
            out_.reject(fault_of(record_error::not_an_object), token.text);
        }
        return error;
    }

    // The object is read in place, since On Demand gives its end only after that.
    ondemand::object object;
    char const* end = nullptr;
    auto error = element.get_object().get(object);
    error = error ? error : read(object);
    error = error ? error : document.current_location().get(end);
    if (error) {
        return error;
    }

    // The element's own bytes, for `raw` and its limit, are known only after it was read.
    auto const length = static_cast<std::size_t>(std::max(end, first.data()) - first.data());
    std::string_view const raw = trimmed({first.data(), length});
    record_fault const fault = raw.size() > source_.record_bytes_max
                                   ? fault_of(record_error::record_too_large)
                                   : finish(raw);
    if (fault) {
        out_.reject(fault, raw);
    }
    return simdjson::SUCCESS;
}

} // namespace tally::ingest
