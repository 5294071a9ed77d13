#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

using namespace tally::house;

// Every folder of sources is divided into rooms. The folder's CMakeLists.txt lists the rooms that
// each room uses. These tests compare the lists with the includes.

namespace {

constexpr std::size_t units_max = 20;

struct room_declaration {
    std::set<std::string> uses;      ///< rooms
    std::set<std::string> libraries; ///< from outside the project, exposed or not
};

/// Rooms by name ("ingest/text"), as they are declared.
std::map<std::string, room_declaration> declared_rooms() {
    static std::regex const declaration{R"(tally_room\(([^)]*)\))"};
    std::map<std::string, room_declaration> found;
    for (auto const& file : source_tree()) {
        if (file.name() != "CMakeLists.txt" || file.folder() == "tests") {
            continue;
        }
        for (std::sregex_iterator match{file.text.begin(), file.text.end(), declaration}, end;
             match != end; ++match) {
            std::istringstream words{(*match)[1].str()};
            std::string word;
            words >> word;
            auto& declared = found[word];
            bool is_use = false;
            while (words >> word) {
                bool const is_keyword = word == "USES" || word == "EXPOSES" || word == "LIBRARIES";
                is_use = is_keyword ? word == "USES" : is_use;
                if (!is_keyword) {
                    (is_use ? declared.uses : declared.libraries).insert(word);
                }
            }
        }
    }
    return found;
}

std::string room_of(std::string const& path) {
    return path.substr(0, path.rfind('/'));
}

/// Rooms whose headers the files of each room include, besides its own.
std::map<std::string, std::set<std::string>> included_rooms() {
    static std::regex const include{R"re(\n#include "([^"]+)/[^"/]+")re"};
    std::map<std::string, std::set<std::string>> found;
    auto const declared = declared_rooms();
    for (auto const& file : cpp_files()) {
        auto const room = room_of(file.path);
        if (!declared.contains(room)) {
            continue;
        }
        auto& uses = found[room];
        std::string const text = "\n" + file.text;
        for (std::sregex_iterator match{text.begin(), text.end(), include}, end; match != end;
             ++match) {
            if ((*match)[1].str() != room) {
                uses.insert((*match)[1].str());
            }
        }
    }
    return found;
}

/// The room and all that it uses, directly or through others.
std::set<std::string> reached_rooms(std::string const& first) {
    auto const declared = declared_rooms();
    std::set<std::string> found{first};
    std::vector<std::string> left{first};
    while (!left.empty()) {
        auto const next = left.back();
        left.pop_back();
        for (auto const& used : declared.at(next).uses) {
            if (found.insert(used).second) {
                left.push_back(used);
            }
        }
    }
    return found;
}

TEST(rooms, hold_every_source_file) {
    auto const declared = declared_rooms();
    for (auto const& file : cpp_files()) {
        auto const folder = file.folder();
        bool const has_rooms = folder == "ingest" || folder == "rating" || folder == "storage" ||
                               folder == "daemon" || folder == "config";
        EXPECT_TRUE(!has_rooms || declared.contains(room_of(file.path))) << file.path;
    }
}

TEST(rooms, use_those_whose_headers_they_include_and_no_others) {
    auto const declared = declared_rooms();
    for (auto const& [room, uses] : included_rooms()) {
        EXPECT_EQ(declared.at(room).uses, uses) << room;
    }
}

TEST(rooms, are_not_used_in_a_circle) {
    auto left = included_rooms();
    // Remove rooms that use none of the remaining ones, until none remain or none can be removed.
    for (std::size_t before = 0; before != left.size();) {
        before = left.size();
        std::erase_if(left, [&left](auto const& room) {
            return std::none_of(room.second.begin(), room.second.end(),
                                [&left](auto const& used) { return left.contains(used); });
        });
    }
    for (auto const& [room, uses] : left) {
        ADD_FAILURE() << room << " is part of a circle";
    }
}

// A program that only computes costs links no parser and no server. The rater needs Boost's numbers
// and containers, and the target that has them has Beast too, so this looks at the includes as
// well.
TEST(rooms, of_the_rater_link_no_parser_and_no_server) {
    static std::set<std::string> const permitted{"Boost::headers", "OpenSSL::Crypto", "date::date",
                                                 "date::date-tz"};
    static std::regex const refused{R"(#\s*include\s*<(boost/(beast|asio)|simdjson|toml\+\+))"};
    auto const declared = declared_rooms();
    auto const reached = reached_rooms("rating/rater");

    for (auto const& room : reached) {
        for (auto const& library : declared.at(room).libraries) {
            EXPECT_TRUE(permitted.contains(library)) << room << " links " << library;
        }
    }
    for (auto const& file : cpp_files()) {
        EXPECT_FALSE(reached.contains(room_of(file.path)) && std::regex_search(file.text, refused))
            << file.path;
    }
}

// The tests of a room are found under its name.
TEST(rooms, have_their_tests_in_a_folder_of_their_name) {
    static std::map<std::string, std::string> const others{
        {"daemon/end_to_end", "the daemon as a process, with all of its rooms"},
        {"storage/sql_schema", "the tables and functions of migrations/, without C++"}};
    static std::regex const test_folder{"tests/((?:ingest|rating|storage|daemon)/.*)/[^/]+"};
    auto const declared = declared_rooms();
    std::set<std::string> found;
    for (auto const& file : cpp_files()) {
        std::smatch match;
        if (std::regex_match(file.path, match, test_folder)) {
            found.insert(match[1].str());
            EXPECT_TRUE(declared.contains(match[1].str()) || others.contains(match[1].str()))
                << file.path;
            EXPECT_NE(file.name(), "test.cpp") << file.path << ": of which unit?";
        }
    }

    // A folder that is gone needs no reason.
    for (auto const& [folder, reason] : others) {
        EXPECT_TRUE(found.contains(folder)) << folder << ": " << reason;
    }
}

TEST(rooms, are_small) {
    std::map<std::string, std::set<std::string>> units;
    for (auto const& file : cpp_files()) {
        if (file.folder() != "tests" && file.folder() != "bench") {
            units[room_of(file.path)].insert(file.path.substr(0, file.path.rfind('.')));
        }
    }
    for (auto const& [room, names] : units) {
        EXPECT_LE(names.size(), units_max) << room;
    }
}

} // namespace
