#include "bench/stages/stage.hpp"
#include "bench/stages/stage_data.hpp"

namespace tally::bench {
namespace {

class guide_stage : public stage {
  public:
    std::string complaint() override {
        for (std::size_t i = 0; i < data_.calls.size(); ++i) {
            auto const found = rating::guide(data_.decoded.cdrs[i], *data_.catalog);
            if (found.subscription != data_.calls[i].subscriber) {
                return "call " + std::to_string(i) + " was guided to another subscription";
            }
        }
        pass();
        return {};
    }

    void pass() override {
        for (auto const& call : data_.decoded.cdrs) {
            auto const found = rating::guide(call, *data_.catalog);
            keep(found);
        }
    }

    [[nodiscard]] std::size_t records() const noexcept override { return data_.calls.size(); }

  private:
    stage_data const& data_ = data_with_prefixes(usual_prefixes);
};

} // namespace

std::unique_ptr<stage> make_guide_stage() {
    return std::make_unique<guide_stage>();
}

} // namespace tally::bench
