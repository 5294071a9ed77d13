#include "bench/e2e/plain_copy.hpp"

#include "bench/e2e/tallyd_process.hpp"
#include "storage/postgres/copy_encoder.hpp"

#include <exception>
#include <future>
#include <stdexcept>

namespace tally::bench {
namespace {

constexpr std::size_t uuid_bytes = 16;
/// Number of fields (2 bytes), length of the first (4): account_id, which comes first in a row.
constexpr std::size_t account_offset = 6;

/// Takes rows in order and puts them into the first connection's batches until it has half of the
/// rows and an account ends, then into the second connection's.
class row_dealer {
  public:
    row_dealer(finished_rows& out, std::uint64_t rows_expected)
        : out_{out}, half_{rows_expected / 2} {}

    void add(std::string_view row) {
        // An account stays with one connection, as it has one lane in the daemon.
        auto const account = row.substr(account_offset, uuid_bytes);
        if (connection_ == 0 && out_.rows >= half_ && account != last_account_) {
            end_batch();
            connection_ = 1;
        } else if (in_batch_ == finished_rows::rows_per_batch) {
            end_batch();
        }

        if (in_batch_ == 0) {
            out_.batches[connection_].emplace_back(storage::copy_header);
        }
        out_.batches[connection_].back().append(row);
        last_account_ = account;
        ++in_batch_;
        ++out_.rows;
    }

    void end_batch() {
        if (in_batch_ != 0) {
            auto& batch = out_.batches[connection_].back();
            batch.append(storage::copy_trailer);
            out_.bytes += batch.size();
            in_batch_ = 0;
        }
    }

  private:
    finished_rows& out_;
    std::uint64_t half_;
    std::size_t connection_ = 0;
    std::uint64_t in_batch_ = 0;
    std::string last_account_;
};

void begin_export(database_link& link) {
    constexpr auto query =
        "COPY (SELECT * FROM billing.cdrs ORDER BY account_id, start_time, uuid) "
        "TO STDOUT (FORMAT binary)";
    pg_answer const begun{PQexec(link.get(), query), &PQclear};
    if (PQresultStatus(begun.get()) != PGRES_COPY_OUT) {
        throw link.failed(query);
    }
}

void copy_batches(database_link& link, std::vector<std::string> const& batches) {
    for (auto const& batch : batches) {
        link.copy_in("COPY billing.cdrs FROM STDIN (FORMAT binary)", batch);
    }
}

} // namespace

finished_rows take_finished_rows(database_link& link) {
    finished_rows taken;
    row_dealer dealer{taken, std::stoull(link.value("SELECT count(*) FROM billing.cdrs"))};
    begin_export(link);

    char* data = nullptr;
    bool is_first = true;
    for (int bytes = 0; (bytes = PQgetCopyData(link.get(), &data, 0)) > 0;) {
        std::string_view row{data, static_cast<std::size_t>(bytes)};
        // Depending on the server's version, the header comes by itself or in front of the first
        // row.
        if (std::exchange(is_first, false)) {
            row.remove_prefix(storage::copy_header.size());
        }
        if (!row.empty() && row != storage::copy_trailer) {
            dealer.add(row);
        }
        PQfreemem(data);
    }

    while (PGresult* const answer = PQgetResult(link.get())) {
        PQclear(answer);
    }
    dealer.end_batch();
    return taken;
}

double copy_rows(std::string const& connection_string, finished_rows const& rows) {
    database_link first{connection_string};
    database_link second{connection_string};
    double const began_s = now_s();
    auto other = std::async(std::launch::async, [&] { copy_batches(second, rows.batches[1]); });
    copy_batches(first, rows.batches[0]);
    other.get();
    return now_s() - began_s;
}

} // namespace tally::bench
