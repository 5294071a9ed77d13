#include "storage/schema/plan_seeds.hpp"

#include "rating/plan_file/plan_file.hpp"
#include "storage/plans/store.hpp"
#include "storage/postgres/database_error.hpp"
#include "storage/schema/embedded_files.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

struct seeded_plan {
    std::string_view file;
    std::string_view id; ///< fixed, so that the undo removes this plan and no other
};

constexpr std::array<seeded_plan, 3> seeded_plans{
    {{"starter.toml", "00000000-0000-7000-8000-000000000201"},
     {"professional.toml", "00000000-0000-7000-8000-000000000202"},
     {"call-center.toml", "00000000-0000-7000-8000-000000000203"}}};

std::optional<std::string> embedded_text(std::string_view name) {
    auto const files = embedded_plans();
    auto const found = std::ranges::find(files, name, &embedded_file::path);
    return found == files.end() ? std::nullopt : std::optional{std::string{found->text}};
}

plan_to_apply read_embedded(seeded_plan const& seeded) {
    auto reading =
        rating::read_plan(embedded_text(seeded.file).value_or(""), seeded.file, embedded_text);
    // The file is in the binary, so this is a mistake of the build, not of the operator.
    if (!reading.plan) {
        auto const& first = reading.problems.front();
        throw command_error{first.file + ":" + std::to_string(first.line) + ": " + first.text};
    }
    return {std::move(*reading.plan), ingest::parse_uuid(seeded.id).value_or(ingest::uuid{})};
}

bool is_taken(pq_connection& connection, rating::plan_definition const& plan) {
    // By code, or by its place in the price list: two plans of one tier and interval would both be
    // shown.
    parameters values;
    values.add_text(plan.code).add_text(plan.tier).add_text(plan.billing_interval);
    pq_rows rows;
    check(connection.query(
        "SELECT FROM billing.rate_plans WHERE code = $1::text OR (deleted_at IS NULL"
        " AND tier::text = $2::text AND billing_interval::text = $3::text)",
        values, rows));
    return row_count(rows) > 0;
}

} // namespace

void seed_telecom_plans(std::string const& connection_string) {
    pq_connection connection{connection_string, "tallyd seed"};
    // All that are missing in one transaction.
    std::vector<plan_to_apply> missing;
    for (auto const& each : seeded_plans) {
        auto plan = read_embedded(each);
        if (!is_taken(connection, plan.plan)) {
            missing.push_back(std::move(plan));
        }
    }
    plan_store{connection}.apply(missing, apply_mode::commit);
}

} // namespace tally::storage
