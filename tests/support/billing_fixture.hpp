#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tally::tests {

/// First column of the first row as text; "" for NULL or no row. Throws on an SQL error.
std::string query_one(std::string const& connection_string, std::string_view sql);
/// All rows, columns joined by '|'.
std::vector<std::string> query_rows(std::string const& connection_string, std::string_view sql);
void execute(std::string const& connection_string, std::string_view sql);

/// A small telecom in a migrated database. Plan "basic" (INR, UTC, half_up 4, 10 included minutes):
///   prefix ""    outbound  0.60/60 in 1 s          connect fee 0
///   prefix "91"  outbound  0.30/60 in 1 s          draws the allowance
///   prefix "44"  outbound  1.20/60 in 60/6         connect fee 0.50
///   prefix ""    inbound   free
/// Accounts ACC-1..n with balance 100, each with subscription SUB-i since 2026-01-01 and DID
/// did_of(i).
void make_telecom(std::string const& connection_string, int accounts);

/// DID of account i, without '+'.
std::string did_of(int account);

/// Four sums that must be equal, as text: the cost of cdrs that are not void, the decrease of the
/// balances (from 100 per account), subscription_usage.total_cost, the cost of the daily
/// aggregates.
std::vector<std::string> four_sums(std::string const& connection_string);

} // namespace tally::tests
