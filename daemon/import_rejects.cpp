#include "daemon/import_rejects.hpp"

#include "ingest/http_json.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <cerrno>
#include <limits>
#include <system_error>

namespace tally::daemon {

namespace {

std::string base64(std::string_view bytes) {
    // A record is bounded by its source's limit, far below an int.
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    int const size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<unsigned char const*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(size));
    return text;
}

} // namespace

std::string reject_line(std::string_view file, import_reject const& reject) {
    ingest::json_writer json;
    json.open('{').key("file").value(file).key("record").value(reject.record);
    if (reject.line > 0) {
        json.key("line").value(reject.line);
    }
    json.key("offset").value(reject.offset);
    json.key("code").value(ingest::code(reject.what.error));
    if (!reject.what.field.empty()) {
        json.key("field").value(reject.what.field);
    }
    json.key("detail").value(reject.what.detail);
    if (simdjson::validate_utf8(reject.what.raw)) {
        json.key("raw").value(reject.what.raw);
    } else {
        json.key("raw_base64").value(base64(reject.what.raw));
    }
    json.close('}');
    return json.text();
}

import_rejects::import_rejects(std::string path)
    : path_{std::move(path)}, out_{path_, std::ios::binary | std::ios::trunc} {
    check();
}

void import_rejects::write(std::string_view file, import_reject const& reject) {
    out_ << reject_line(file, reject) << '\n';
    check();
}

void import_rejects::flush() {
    out_.flush();
    check();
}

void import_rejects::check() {
    if (!out_) {
        throw std::runtime_error(path_ +
                                 ": cannot be written: " + std::generic_category().message(errno));
    }
}

} // namespace tally::daemon
