#include "daemon/pipeline/catalog_database.hpp"

#include "storage/catalog/listener.hpp"

namespace tally::daemon {

namespace {

class postgres_catalog final : public catalog_database {
  public:
    explicit postgres_catalog(std::string const& connection_string)
        : listener_{connection_string}, loader_{connection_string, "tallyd catalog"} {}

    storage::expected<bool> wait_for_change(int timeout_ms) override {
        return listener_.wait(timeout_ms);
    }
    storage::expected<loaded_data> load() override {
        auto loaded = load_both();
        loader_.close(); // it may not be needed again for days
        return loaded;
    }
    void cancel() noexcept override {
        listener_.cancel();
        loader_.cancel();
    }

  private:
    storage::expected<loaded_data> load_both() {
        auto sources = storage::load_sources(loader_);
        if (!sources.ok()) {
            return sources.status();
        }
        auto catalog = storage::load_catalog(loader_);
        if (!catalog.ok()) {
            return catalog.status();
        }
        return loaded_data{*std::move(sources), *std::move(catalog)};
    }

    storage::catalog_listener listener_;
    storage::pq_connection loader_;
};

} // namespace

std::unique_ptr<catalog_database> catalog_database_at(std::string const& connection_string) {
    return std::make_unique<postgres_catalog>(connection_string);
}

} // namespace tally::daemon
