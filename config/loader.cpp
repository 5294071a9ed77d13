#include "config/loader.hpp"

#include "config/nearest_name.hpp"
#include "config/settings_table.hpp"
#include "config/text_rules.hpp"
#include "config/toml_file.hpp"

#include <unistd.h>

#include <filesystem>
#include <set>

namespace tally::config {
namespace {

// Of every environment variable that is a setting, see environment_name().
constexpr std::string_view prefix = "TALLYD_";

/// Adds a problem for a mistyped variable, with the name that was probably meant. Only a near miss
/// is a problem: orchestrators set variables with the same prefix (TALLYD_SERVICE_HOST).
void note_near_miss(std::string_view name, loaded_settings& loaded) {
    std::vector<std::string> names;
    for (auto const& row : settings_table()) {
        names.push_back(environment_name(row.key).substr(prefix.size()));
    }

    // The prefix is left out of the comparison: it is the same in all names and would make every
    // one similar.
    std::vector<std::string_view> const candidates{names.begin(), names.end()};
    auto const meant = nearest_name(name.substr(prefix.size()), candidates);
    if (!meant.empty()) {
        loaded.problems.push_back(std::string{name} + ": no such setting; did you mean " +
                                  std::string{prefix} + std::string{meant} + "?");
    }
}

void apply_variable(std::string_view entry, loaded_settings& loaded) {
    auto const equals = entry.find('=');
    // Other variables are none of ours, and the system also allows entries without '='.
    if (!entry.starts_with(prefix) || equals == std::string_view::npos) {
        return;
    }

    auto const name = entry.substr(0, equals);
    auto const table = settings_table();
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (environment_name(table[i].key) == name) {
            auto const complaint = set_from_text(table[i], entry.substr(equals + 1), loaded.values);
            if (complaint) {
                loaded.problems.push_back(std::string{name} + ": " + *complaint);
            }
            // Also after a complaint: check-config shows which source gave the value that is wrong.
            loaded.origins[i] = name;
            return;
        }
    }

    note_near_miss(name, loaded);
}

/// Checks rules between settings. Called only if each setting is valid by itself.
void check_together(loaded_settings& loaded) {
    auto const& values = loaded.values;

    // Port 0 means any free port, so two such listeners do not conflict.
    std::set<std::string_view> addresses;
    for (std::string_view const address :
         {values.http_listen, values.tcp_listen, values.admin_listen}) {
        bool const any_port = address.ends_with(":0");
        if (!address.empty() && !any_port && !addresses.insert(address).second) {
            loaded.problems.push_back("http.listen, tcp.listen and admin.listen: must differ; " +
                                      std::string{address} + " occurs twice");
        }
    }

    // initdb refuses a data directory that is not empty.
    auto const data = std::filesystem::path{values.data_dir}.lexically_normal();
    if (data == std::filesystem::path{values.journal_dir}.lexically_normal()) {
        loaded.problems.emplace_back("data_dir and journal.dir: must differ");
    }
}

} // namespace

loaded_settings load_settings(load_request const& request) {
    loaded_settings loaded;
    loaded.origins.assign(settings_table().size(), "default");

    // A file that is named must be there. The default file may be missing: the environment alone is
    // enough in a container.
    std::error_code ignored;
    if (request.file) {
        loaded.file = *request.file;
    } else if (std::filesystem::exists(default_file, ignored)) {
        loaded.file = default_file;
    }
    if (!loaded.file.empty()) {
        apply_toml_file(loaded.file, loaded);
    }

    // The environment comes after the file, since it overrides the file.
    for (auto const& entry : request.environment) {
        apply_variable(entry, loaded);
    }

    // A value that is wrong by itself would be reported twice.
    if (loaded.ok()) {
        check_together(loaded);
    }
    return loaded;
}

std::vector<std::string> process_environment() {
    std::vector<std::string> entries;
    // environ is null after clearenv().
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        entries.emplace_back(*entry);
    }
    return entries;
}

} // namespace tally::config
