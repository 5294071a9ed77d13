#include "config/toml_file.hpp"

#include "config/nearest_name.hpp"
#include "config/settings_table.hpp"
#include "config/toml_library.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace tally::config {
namespace {

/// Reads the tables of one file. Every leaf must be a row of the settings table.
class file_reader {
  public:
    file_reader(std::string const& path, loaded_settings& loaded) : path_(path), loaded_(loaded) {}

    void take_table(toml::table const& table, std::string const& section) {
        // Section and name together are the key of the settings table.
        for (auto const& [name, node] : table) {
            take_entry(section.empty() ? std::string{name.str()}
                                       : section + '.' + std::string{name.str()},
                       name.source(), node);
        }
    }

    void problem(toml::source_region const& location, std::string const& text) {
        problems_.emplace_back(location.begin.line, location.begin.column,
                               location_text(location) + ": " + text);
    }

    /// Reports the problems in the order of the file. toml++ gives tables in the order of their
    /// names, so the problems are collected and sorted first.
    void finish() {
        std::sort(problems_.begin(), problems_.end());
        for (auto& [line, column, text] : problems_) {
            loaded_.problems.push_back(std::move(text));
        }
    }

  private:
    void take_entry(std::string const& key, toml::source_region const& name_at,
                    toml::node const& node) {
        // In this order: a known key, a mistyped one, a section, and a value where a section
        // belongs.
        if (auto const index = find_setting(key)) {
            take_value(*index, node);
        } else if (!is_section(key)) {
            unknown(key, name_at, node.is_table());
        } else if (auto const* table = node.as_table()) {
            take_table(*table, key);
        } else {
            problem(name_at, "\"" + key + "\" is a section, not a value: write [" + key + "]");
        }
    }

    void take_value(std::size_t index, toml::node const& node) {
        auto const& row = settings_table()[index];
        auto const complaint = set(row, node);
        if (complaint) {
            problem(node.source(), std::string{row.key} + ": " + *complaint);
        }

        // Also after a complaint: check-config shows where the wrong value is.
        loaded_.origins[index] = location_text(node.source());
    }

    std::optional<std::string> set(setting const& row, toml::node const& node) {
        // value_exact() converts nothing: 1.0 for a count, or 1 for a flag, is a mistake.
        if (auto const text = node.value_exact<std::string>()) {
            return set_from_text(row, *text, loaded_.values);
        }

        // An empty text is no flag either, so set_from_text() has the message.
        if (std::holds_alternative<flag_setting>(row.value)) {
            auto const flag = node.value_exact<bool>();
            return set_from_text(row, !flag ? "" : *flag ? "true" : "false", loaded_.values);
        }
        auto const* number = std::get_if<number_setting>(&row.value);
        if (number == nullptr) {
            return "must be text in quotes";
        }
        if (auto const value = node.value_exact<std::int64_t>()) {
            return set_number(*number, *value, loaded_.values);
        }
        return "must be a whole number";
    }

    static bool is_section(std::string const& key) {
        // Sections exist only as parts of keys.
        for (auto const& row : settings_table()) {
            if (section_of(row.key) == key) {
                return true;
            }
        }
        return false;
    }

    void unknown(std::string const& key, toml::source_region const& position, bool is_table) {
        auto words = is_table ? "unknown section [" + key + "]" : "unknown key \"" + key + "\"";
        auto const meant = nearest(key, is_table);
        if (!meant.empty()) {
            words += is_table ? "; did you mean [" + meant + "]?" : "; did you mean " + meant + "?";
        }
        problem(position, words);
    }

    static std::string nearest(std::string const& key, bool is_table) {
        auto const name = key.substr(section_of(key).empty() ? 0 : section_of(key).size() + 1);
        std::vector<std::string_view> known;
        for (auto const& row : settings_table()) {
            // The most likely mistake is a key in the wrong section, or in no section.
            if (!is_table && row.key.ends_with('.' + name)) {
                return std::string{row.key};
            }
            known.push_back(is_table ? section_of(row.key) : row.key);
        }
        return std::string{nearest_name(key, known)};
    }

    [[nodiscard]] std::string location_text(toml::source_region const& location) const {
        return path_ + ':' + std::to_string(location.begin.line) + ':' +
               std::to_string(location.begin.column);
    }

    std::string const& path_;
    loaded_settings& loaded_;
    std::vector<std::tuple<toml::source_index, toml::source_index, std::string>> problems_;
};

std::optional<std::string> read_file(std::string const& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream content;
    content << file.rdbuf();
    if (!file || !content) {
        return std::nullopt;
    }
    return std::move(content).str();
}

} // namespace

void apply_toml_file(std::string const& path, loaded_settings& loaded) {
    // Opening a folder succeeds on Linux, and reading it fails with a message that helps less.
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        loaded.problems.push_back(path + ": is a folder, not a file");
        return;
    }

    // Copying an empty file fails too, but without a system error; an empty file is valid.
    errno = 0;
    auto const content = read_file(path);
    if (!content && errno != 0) {
        loaded.problems.push_back(path + ": cannot be read: " + std::strerror(errno));
        return;
    }

    // toml++ throws at the first error of syntax; all other problems are collected.
    file_reader reader{path, loaded};
    try {
        reader.take_table(toml::parse(content.value_or("")), "");
    } catch (toml::parse_error const& error) {
        reader.problem(error.source(), std::string{error.description()});
    }
    reader.finish();
}

} // namespace tally::config
