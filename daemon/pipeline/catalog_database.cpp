#include "daemon/pipeline/catalog_database.hpp"

#include "storage/catalog/catalog_listener.hpp"

namespace tally::daemon {

namespace {

class postgres_catalog final : public catalog_database {
  public:
    explicit postgres_catalog(std::string const& connection_string)
        : listener_{connection_string}, loader_{connection_string, "tallyd catalog"} {}

    storage::result wait_for_change(int timeout_ms, bool& changed) override {
        return listener_.wait(timeout_ms, changed);
    }
    storage::result load(storage::loaded_sources& sources,
                         storage::loaded_catalog& catalog) override {
        auto status = storage::load_sources(loader_, sources);
        if (status.ok()) {
            status = storage::load_catalog(loader_, catalog);
        }
        loader_.close(); // it may not be needed again for days
        return status;
    }
    void cancel() noexcept override {
        listener_.cancel();
        loader_.cancel();
    }

  private:
    storage::catalog_listener listener_;
    storage::pq_connection loader_;
};

} // namespace

std::unique_ptr<catalog_database> catalog_database_at(std::string const& connection_string) {
    return std::make_unique<postgres_catalog>(connection_string);
}

} // namespace tally::daemon
