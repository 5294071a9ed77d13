#pragma once

#include "daemon/import/database.hpp"
#include "storage/postgres/database_error.hpp"
#include "tests/daemon/pipeline/memory_stores.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tally::daemon::tests {

/// The tables that an import changes. They outlast a session.
struct import_tables {
    std::shared_ptr<memory_batches::state> batches = std::make_shared<memory_batches::state>();
    std::mutex positions_mutex; ///< guards positions: the keeper's thread and the import's use them
    memory_positions positions;
    std::vector<storage::import_row> rows;
    std::vector<ingest::source> sources{1};
    bool refuses_rows = false; ///< requests for rows of ingest.imports fail
    int catalogs_loaded = 0;
    bool is_begun = false; ///< an import, in this run
};

/// The connection of one thread to the positions of all.
class locked_positions final : public storage::position_store {
    template <typename Request>
    auto locked(Request&& request) {
        std::lock_guard const lock{tables_.positions_mutex};
        return request(tables_.positions);
    }

  public:
    explicit locked_positions(import_tables& tables) : tables_{tables} {}

    storage::expected<std::uint64_t> load(std::string_view stream) override {
        return locked([&](auto& store) { return store.load(stream); });
    }
    storage::result move(storage::position_move const& wanted,
                         storage::position_found& out) override {
        return locked([&](auto& store) { return store.move(wanted, out); });
    }
    storage::expected<bool> has_ends(std::span<storage::stream_end const> ends) override {
        return locked([&](auto& store) { return store.has_ends(ends); });
    }
    storage::result forget(std::string_view stream) override {
        return locked([&](auto& store) { return store.forget(stream); });
    }
    storage::result keep_decisions(std::string_view stream,
                                   std::span<storage::decided_range const> decided,
                                   storage::chain_link const& link) override {
        return locked([&](auto& store) { return store.keep_decisions(stream, decided, link); });
    }
    storage::result load_decisions(std::string_view stream, std::uint64_t position,
                                   std::vector<storage::decided_range>& out) override {
        return locked([&](auto& store) { return store.load_decisions(stream, position, out); });
    }

  private:
    import_tables& tables_;
};

class fake_database final : public import_database {
  public:
    explicit fake_database(import_tables& tables) : tables_{tables} {}

    storage::loaded_sources sources() override {
        storage::loaded_sources loaded;
        loaded.sources = std::make_shared<ingest::source_table>(tables_.sources);
        return loaded;
    }
    storage::loaded_catalog catalog() override {
        ++tables_.catalogs_loaded;
        storage::loaded_catalog loaded;
        loaded.catalog = tests::small_catalog();
        return loaded;
    }

    std::optional<storage::import_row> find(storage::import_file const& file) override {
        auto const row = std::ranges::find_if(tables_.rows, [&file](auto const& each) {
            return file.digest && each.file.digest == file.digest &&
                   each.file.format == file.format && each.file.source_id == file.source_id;
        });
        return row == tables_.rows.end() ? std::nullopt : std::optional{*row};
    }
    storage::import_row begin(storage::import_file const& file) override {
        check();
        tables_.is_begun = true;
        if (auto const known = find(file)) {
            auto& row = row_of(known->id);
            row.state = storage::import_state::running;
            ++row.runs;
            return row;
        }
        storage::import_row row;
        row.id = ingest::uuid_v7();
        row.file = file;
        tables_.rows.push_back(row);
        return row;
    }
    void update(ingest::uuid const& id, storage::import_counts const& counts) override {
        check();
        row_of(id).counts = counts;
    }
    void finish(ingest::uuid const& id, storage::import_state state,
                storage::import_counts const& counts, std::string const& failure) override {
        check();
        auto& row = row_of(id);
        row.state = state;
        row.counts = counts;
        row.failure = failure;
    }
    storage::import_counts stored(ingest::uuid const& /*id*/) override {
        storage::import_counts counts;
        counts.committed = static_cast<std::int64_t>(tables_.batches->calls.size());
        counts.suspended = static_cast<std::int64_t>(tables_.batches->suspended);
        return counts;
    }
    storage::result apply_effects(std::function<bool()> const& /*is_stopping*/) override {
        ADD_FAILURE() << "calls have no effects";
        return {};
    }

    batch_store_maker connect_lanes() override {
        return [batches = tables_.batches](std::uint32_t /*lane*/) {
            return std::make_unique<memory_batches>(batches);
        };
    }
    std::unique_ptr<storage::batch_store> connect_reader() override {
        return std::make_unique<memory_batches>(tables_.batches);
    }
    std::unique_ptr<storage::position_store>
    connect_positions(std::string const& /*purpose*/) override {
        return std::make_unique<locked_positions>(tables_);
    }

  private:
    storage::import_row& row_of(ingest::uuid const& id) {
        return *std::ranges::find(tables_.rows, id, &storage::import_row::id);
    }
    void check() const {
        if (tables_.refuses_rows) {
            throw storage::database_error{{storage::failure::permanent, "42501", "no rights"}};
        }
    }

    import_tables& tables_;
};

} // namespace tally::daemon::tests
