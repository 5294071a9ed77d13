#include "storage/schema/migration_files.hpp"

#include "storage/schema/embedded_files.hpp"
#include "storage/schema/migrate_exit.hpp"
#include "storage/schema/sql_script.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <openssl/evp.h>
#include <optional>

namespace tally::storage {
namespace {

struct parsed_name {
    int version = 0;
    std::string name;
    bool is_up = false;
};

/// Parses a name such as "0003_billing_catalog.up.sql".
std::optional<parsed_name> parse_name(std::string_view file) {
    parsed_name parsed;
    if (file.ends_with(".up.sql")) {
        parsed.is_up = true;
        file.remove_suffix(7);
    } else if (file.ends_with(".down.sql")) {
        file.remove_suffix(9);
    } else {
        return std::nullopt;
    }

    // Four digits or more, so that names sort as versions do.
    auto const [end, error] =
        std::from_chars(file.data(), file.data() + file.size(), parsed.version);
    auto const digits = static_cast<std::size_t>(end - file.data());
    if (error != std::errc{} || digits < 4 || parsed.version <= 0 || file.size() < digits + 2 ||
        file[digits] != '_') {
        return std::nullopt;
    }
    parsed.name = file.substr(digits + 1);
    return parsed;
}

/// Collects files and all their problems.
class collector {
  public:
    void add(std::string const& file, std::string text) {
        auto const parsed = parse_name(file);
        if (!parsed) {
            problem(file + ": a migration is called NNNN_name.up.sql or NNNN_name.down.sql");
            return;
        }

        // Two files of one version are the two directions of one migration, and have one name.
        half& found = found_[parsed->version];
        if (!found.value.name.empty() && found.value.name != parsed->name) {
            problem(file + ": version " + std::to_string(parsed->version) + " is taken by " +
                    found.value.name);
            return;
        }

        // The hash is what a database records: a file that was edited after it was applied is found
        // by it.
        found.value.version = parsed->version;
        found.value.name = parsed->name;
        migration_script& script = parsed->is_up ? found.value.up : found.value.down;
        script.sha256 = sha256_hex(text);
        script.in_transaction = !is_marked_no_transaction(text);
        script.text = std::move(text);
        (parsed->is_up ? found.has_up : found.has_down) = true;
    }

    std::vector<migration> finish() {
        std::vector<migration> all;
        // All problems are collected, so that an operator corrects them in one go.
        for (auto& [version, found] : found_) {
            if (!found.has_up || !found.has_down) {
                problem(found.value.label() + ": the " + (found.has_up ? ".down.sql" : ".up.sql") +
                        " file is missing");
            }
            all.push_back(std::move(found.value));
        }
        if (!problems_.empty()) {
            throw migrate_failure(migrate_exit::changed, problems_);
        }
        return all;
    }

  private:
    struct half {
        migration value;
        bool has_up = false;
        bool has_down = false;
    };

    void problem(std::string const& text) { problems_ += (problems_.empty() ? "" : "\n") + text; }

    std::map<int, half> found_;
    std::string problems_;
};

std::string read_file(std::filesystem::path const& path) {
    // Binary, since the hash is of the bytes.
    std::ifstream input{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{input}, {}};
    if (!input) {
        throw command_error{"cannot read " + path.string()};
    }
    return text;
}

} // namespace

std::string migration_label(int version, std::string_view name) {
    std::array<char, 16> digits{};
    std::snprintf(digits.data(), digits.size(), "%04d ", version);
    return digits.data() + std::string{name};
}

std::string migration::label() const {
    return migration_label(version, name);
}

std::vector<migration> embedded_migrations() {
    collector files;
    for (embedded_file const& file : embedded_sql()) {
        // Files of subfolders are seeds, not migrations.
        if (file.path.find('/') == std::string_view::npos) {
            files.add(std::string{file.path}, std::string{file.text});
        }
    }
    return files.finish();
}

std::vector<migration> read_migrations(std::filesystem::path const& folder) {
    std::error_code error;
    std::filesystem::directory_iterator const entries{folder, error};
    if (error) {
        throw command_error{"cannot read the folder " + folder.string() + ": " + error.message()};
    }

    collector files;
    for (auto const& entry : entries) {
        if (entry.path().extension() == ".sql") {
            files.add(entry.path().filename().string(), read_file(entry.path()));
        }
    }
    return files.finish();
}

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
        throw command_error{"SHA-256 failed"};
    }
    std::string hex;
    for (unsigned int i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        hex += digits[digest[i] >> 4];
        hex += digits[digest[i] & 15];
    }
    return hex;
}

} // namespace tally::storage
