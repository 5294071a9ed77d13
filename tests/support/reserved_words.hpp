#pragma once

#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

namespace tally::tests {

/// Where PostgreSQL does not accept a key word as an unquoted name.
enum class refused_as : std::uint8_t {
    anything,         ///< "reserved"
    table_or_column,  ///< "reserved (can be function or type)"
    function_or_type, ///< "non-reserved (cannot be function or type)"
};

/// A key word that is not allowed as a name in some supported version.
struct reserved_word {
    std::string word;
    refused_as location = refused_as::anything;
    int since_major = 0; ///< 14 also for words that were reserved earlier
};

/// Words of one kind that one version added.
struct reserved_group {
    int since_major;
    refused_as location;
    char const* words; ///< separated by blanks
};

/// The column "PostgreSQL" of Appendix C (SQL Key Words) of the documentation of versions 14 to 18.
/// The function pg_get_keywords() returns the same for a running server.
inline constexpr std::array reserved_groups{
    reserved_group{
        14, refused_as::anything,
        "all analyse analyze and any array as asc asymmetric both case cast check collate "
        "column constraint create current_catalog current_date current_role current_time "
        "current_timestamp current_user default deferrable desc distinct do else end except "
        "false fetch for foreign from grant group having in initially intersect into lateral "
        "leading limit localtime localtimestamp not null offset on only or order placing "
        "primary references returning select session_user some symmetric table then to "
        "trailing true union unique user using variadic when where window with"},
    reserved_group{
        14, refused_as::table_or_column,
        "authorization binary collation concurrently cross current_schema freeze full ilike "
        "inner is isnull join left like natural notnull outer overlaps right similar "
        "tablesample verbose"},
    reserved_group{
        14, refused_as::function_or_type,
        "between bigint bit boolean char character coalesce dec decimal exists extract float "
        "greatest grouping inout int integer interval least national nchar none normalize "
        "nullif numeric out overlay position precision real row setof smallint substring time "
        "timestamp treat trim values varchar xmlattributes xmlconcat xmlelement xmlexists "
        "xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable"},
    reserved_group{16, refused_as::anything, "system_user"},
    reserved_group{16, refused_as::function_or_type,
                   "json_array json_arrayagg json_object json_objectagg"},
    reserved_group{17, refused_as::function_or_type,
                   "json json_exists json_query json_scalar json_serialize json_table json_value "
                   "merge_action"},
};

inline std::vector<reserved_word> reserved_words() {
    std::vector<reserved_word> words;
    for (auto const& group : reserved_groups) {
        std::istringstream text{group.words};
        for (std::string word; text >> word;) {
            words.push_back({word, group.location, group.since_major});
        }
    }
    return words;
}

} // namespace tally::tests
