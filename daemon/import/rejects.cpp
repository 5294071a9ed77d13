#include "daemon/import/rejects.hpp"

#include "daemon/cli/payload_text.hpp"
#include "storage/postgres/command_error.hpp"

#include <cerrno>
#include <limits>
#include <system_error>

namespace tally::daemon {

/// The line of a file counts from 1, so 0 means that the record has none.
std::string reject_line(std::string_view file, import_reject const& reject) {
    ingest::json_writer json;
    json.open('{').key("file").value(file).key("record").value(reject.record);
    if (reject.line > 0) {
        json.key("line").value(reject.line);
    }
    json.key("offset").value(reject.offset);
    json.key("code").value(ingest::code(reject.item.error));
    if (!reject.item.field.empty()) {
        json.key("field").value(reject.item.field);
    }
    json.key("detail").value(reject.item.detail);
    add_payload(json, "raw", reject.item.raw);
    json.close('}');
    return json.text();
}

import_rejects::import_rejects(std::string path)
    : path_{std::move(path)}, out_{path_, std::ios::binary | std::ios::trunc} {
    check();
}

void import_rejects::write(std::string_view file, import_reject const& reject) {
    // Checked after each line: a full disk must end the import, not drop the record in silence
    // (R3).
    out_ << reject_line(file, reject) << '\n';
    check();
}

void import_rejects::flush() {
    out_.flush();
    check();
}

void import_rejects::check() {
    if (!out_) {
        throw storage::command_error(
            path_ + ": cannot be written: " + std::generic_category().message(errno));
    }
}

} // namespace tally::daemon
