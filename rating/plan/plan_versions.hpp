#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tally::rating {

/// What is to be done to the stored versions of rates or metrics so that they say what is wanted.
template <typename Version>
struct version_changes {
    struct end {
        Version before;      ///< as stored
        ingest::time_us end; ///< its new effective_to; INT64_MAX: open again
    };
    struct new_name {
        ingest::uuid id;
        std::string name;
    };
    std::vector<Version> added; ///< without ids
    std::vector<end> ended;
    std::vector<Version> removed; ///< planned for later, so that nothing was charged by them yet
    std::vector<new_name> renamed;

    [[nodiscard]] bool empty() const noexcept {
        return added.empty() && ended.empty() && removed.empty() && renamed.empty();
    }
};

/// What a version without a beginning may do to the past.
enum class past_of_plan : std::uint8_t {
    none,  ///< the plan is new: it says its own past
    empty, ///< nothing is stored of it: what holds now has always held
    kept,  ///< it was charged by
};

/// Brings the versions of one rate (or metric) from what is stored to what a plan file wants.
///
/// A wanted version that says from when on it holds is taken at its word: the stored one before it
/// ends there. One that does not, or whose terms differ from what was stored from the same moment
/// on, holds from now on: what was charged is not charged otherwise by a new price. Stored versions
/// that are not wanted any more end now; the past is left as it is.
///
///     stored   |-- 0.20 ---------------------->          wanted: 0.25
///     after    |-- 0.20 ------|-- 0.25 ------->
///                            now
///
/// `SameTerms(a, b)` compares all but id, name and times. Both lists are of one key.
template <typename Version, typename SameTerms>
class version_matcher {
  public:
    version_matcher(std::span<Version const* const> stored, std::span<Version const* const> wanted,
                    ingest::time_us now, past_of_plan past, version_changes<Version>& out,
                    SameTerms same_terms)
        : now_(now), past_(past), out_(out), same_terms_(same_terms) {
        for (auto const* each : stored) {
            stored_.push_back({each, false});
        }
        for (auto const* each : wanted) {
            wanted_.push_back({each, each->effective_from, each->effective_to, false});
        }
    }

    void match() {
        std::ranges::sort(wanted_, {}, [](slot const& w) { return w.from; });
        end_by_successors();
        for (auto& each : wanted_) {
            match_moment(each);
        }
        for (auto& each : wanted_) {
            if (!each.is_settled) {
                match_floating(each);
            }
        }
        for (auto& each : stored_) {
            if (!each.is_wanted && each.version->effective_to > now_) {
                give_up(*each.version);
            }
        }
    }

  private:
    struct kept {
        Version const* version;
        bool is_wanted;
    };
    struct slot {
        Version const* version;
        ingest::time_us from; ///< where it begins when all is done
        ingest::time_us to;
        bool is_settled;
    };

    /// A version without an end ends where the next one without an end begins. One with an end of
    /// its own is an exception: what held before it holds again behind it.
    void end_by_successors() {
        ingest::time_us next = INT64_MAX;
        for (std::size_t i = wanted_.size(); i-- > 0;) {
            if (wanted_[i].to == INT64_MAX) {
                wanted_[i].to = next;
                next = wanted_[i].from;
            }
        }
    }

    void add(slot& wanted, ingest::time_us from) {
        Version made = *wanted.version;
        made.id = {};
        made.effective_from = wanted.from = from;
        made.effective_to = wanted.to;
        wanted.is_settled = true;
        out_.added.push_back(std::move(made));
    }

    void keep(slot& wanted, kept& stored) {
        stored.is_wanted = true;
        wanted.is_settled = true;
        wanted.from = stored.version->effective_from;
        // What has ended stays so.
        if (stored.version->effective_to > now_ && stored.version->effective_to != wanted.to) {
            out_.ended.push_back({*stored.version, wanted.to});
        }
        if (stored.version->name != wanted.version->name) {
            out_.renamed.push_back({stored.version->id, wanted.version->name});
        }
    }

    /// By the moment from which it holds.
    void match_moment(slot& wanted) {
        auto const found = std::ranges::find_if(
            stored_, [&](kept const& each) { return each.version->effective_from == wanted.from; });
        if (found == stored_.end()) {
            if (wanted.from != INT64_MIN || past_ == past_of_plan::none ||
                (past_ == past_of_plan::empty && wanted.to > now_)) {
                add(wanted, wanted.from);
            }
            return;
        }
        Version const& stored = *found->version;
        if (same_terms_(stored, *wanted.version)) {
            if (stored.effective_to > now_ || wanted.to <= now_) {
                keep(wanted, *found);
            }
        } else if (stored.effective_from >= now_) {
            found->is_wanted = true;
            out_.removed.push_back(stored);
            add(wanted, wanted.from);
        }
    }

    /// From now on, but behind every exception that holds now.
    [[nodiscard]] ingest::time_us start_of(slot const& wanted) const {
        ingest::time_us start = now_;
        for (auto const& other : wanted_) {
            bool const is_later = other.version->effective_from > wanted.version->effective_from;
            if (is_later && other.version->effective_from <= start && start < other.to) {
                start = other.to;
            }
        }
        return start;
    }

    /// Whether the stored version, which begins elsewhere than the wanted one, would take the
    /// place of an exception above that, or leave its own to one below.
    [[nodiscard]] bool is_out_of_order(Version const& stored, slot const& wanted) const {
        return std::ranges::any_of(wanted_, [&](slot const& other) {
            bool const meets = std::max(now_, stored.effective_from) < other.to;
            bool const is_above = other.version->effective_from > wanted.version->effective_from;
            bool const is_below = other.version->effective_from < wanted.version->effective_from;
            return meets &&
                   ((is_above && other.version->effective_from < stored.effective_from) ||
                    (is_below && other.from >= stored.effective_from && other.from < wanted.to));
        });
    }

    void match_floating(slot& wanted) {
        bool const is_past = wanted.to <= now_;
        ingest::time_us const start = start_of(wanted);
        kept* best = nullptr;
        for (auto& each : stored_) {
            Version const& stored = *each.version;
            bool const fits = is_past
                                  ? stored.effective_from < wanted.to
                                  : stored.effective_to > now_ && stored.effective_from <= start &&
                                        !is_out_of_order(stored, wanted);
            if (!each.is_wanted && fits && same_terms_(stored, *wanted.version) &&
                (best == nullptr || best->version->effective_from < stored.effective_from)) {
                best = &each;
            }
        }
        if (best != nullptr) {
            keep(wanted, *best);
        } else if (!is_past && start < wanted.to) {
            add(wanted, start);
        }
    }

    /// Not wanted any more: ends where what replaces it begins, or now.
    void give_up(Version const& stored) {
        if (stored.effective_from >= now_) {
            out_.removed.push_back(stored);
            return;
        }
        bool is_covered = false; // by something wanted, now
        ingest::time_us replaced = INT64_MAX;
        ingest::time_us next = INT64_MAX;
        for (auto const& each : wanted_) {
            if (each.is_settled && each.from <= now_ && now_ < each.to) {
                is_covered = true;
                replaced =
                    each.from > stored.effective_from ? std::min(replaced, each.from) : replaced;
            } else if (each.is_settled && each.from > now_) {
                next = std::min(next, each.from);
            }
        }
        if (is_covered || next == INT64_MAX) {
            next = std::min(replaced, now_);
        }
        if (stored.effective_to > next) {
            out_.ended.push_back({stored, next});
        }
    }

    ingest::time_us now_;
    past_of_plan past_;
    version_changes<Version>& out_;
    SameTerms same_terms_;
    std::vector<kept> stored_;
    std::vector<slot> wanted_;
};

} // namespace tally::rating
