#include "daemon/import/database.hpp"

#include "storage/admin/import_totals.hpp"
#include "storage/batch/batch_writer.hpp"
#include "storage/effects/effect_queue.hpp"
#include "storage/lane/stored_positions.hpp"
#include "storage/postgres/database_error.hpp"

namespace tally::daemon {

namespace {

using storage::check;

class postgres_imports final : public import_database {
  public:
    postgres_imports(std::string const& connection_string,
                     storage::partition_policy const& partitions)
        : connection_string_{connection_string}, partitions_{partitions}, connection_{
                                                                              connection_string,
                                                                              "tallyd import"} {}

    storage::loaded_sources sources() override {
        return check(storage::load_sources(connection_string_));
    }
    storage::loaded_catalog catalog() override {
        return check(storage::load_catalog(connection_string_));
    }

    std::optional<storage::import_row> find(storage::import_file const& file) override {
        return storage::find_import(connection_, file);
    }
    storage::import_row begin(storage::import_file const& file) override {
        return storage::begin_import(connection_, file);
    }
    void update(ingest::uuid const& id, storage::import_counts const& counts) override {
        storage::update_import(connection_, id, counts);
    }
    void finish(ingest::uuid const& id, storage::import_state state,
                storage::import_counts const& counts, std::string const& failure) override {
        storage::finish_import(connection_, id, state, counts, failure);
    }
    storage::import_counts stored(ingest::uuid const& id) override {
        return storage::stored_by_import(connection_, id);
    }

    storage::result apply_effects(std::function<bool()> const& is_stopping) override {
        storage::pq_connection connection{
            connection_string_, "tallyd import effects", {}, storage::effect_limits()};
        storage::effect_counts ignored;
        return storage::effect_queue{connection}.apply_present(is_stopping, ignored);
    }

    batch_store_maker connect_lanes() override {
        return lane_connections(connection_string_, partitions_);
    }
    std::unique_ptr<storage::batch_store> connect_reader() override {
        return std::make_unique<storage::batch_writer>(connection_string_,
                                                       "tallyd import --dry-run");
    }
    std::unique_ptr<storage::position_store>
    connect_positions(std::string const& purpose) override {
        return std::make_unique<storage::stored_positions>(connection_string_, purpose);
    }

  private:
    std::string connection_string_;
    storage::partition_policy partitions_;
    storage::pq_connection connection_;
};

} // namespace

std::unique_ptr<import_database> import_database_at(std::string const& connection_string,
                                                    storage::partition_policy const& partitions) {
    return std::make_unique<postgres_imports>(connection_string, partitions);
}

} // namespace tally::daemon
