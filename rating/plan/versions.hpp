#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tally::rating {

/// The changes that turn the stored versions of rates or metrics into the wanted ones.
template <typename Version>
struct version_changes {
    struct end {
        Version before;      ///< as stored
        ingest::time_us end; ///< its new effective_to; INT64_MAX: no end
    };
    struct new_name {
        ingest::uuid id;
        std::string name;
    };
    std::vector<Version> added; ///< without ids
    std::vector<end> ended;
    std::vector<Version> removed; ///< planned for later, so nothing was charged by them yet
    std::vector<new_name> renamed;

    [[nodiscard]] bool empty() const noexcept {
        return added.empty() && ended.empty() && removed.empty() && renamed.empty();
    }
};

/// Whether a version without effective_from may apply to the past.
enum class past_of_plan : std::uint8_t {
    none,  ///< the plan is new: such a version applies to all of the past
    empty, ///< the plan has no versions yet: those in effect now apply to the past too
    kept,  ///< calls were charged by stored versions: the past does not change
};

/// Computes the changes that turn the stored versions of one rate (or metric) into those that a
/// plan file wants. Both lists have one key. Rules:
///
/// - A wanted version with an effective_from begins then, and the stored version before it ends
///   there.
/// - A wanted version without effective_from begins now. So does one whose terms differ from those
///   that are stored with the same effective_from: a new price must not change what was charged.
/// - A stored version that is no longer wanted ends where its replacement begins, or now. A version
///   that has ended never changes.
/// - A stored version that has not begun and is no longer wanted is removed.
///
/// Example 1: the file has the price 0.25 and no effective_from.
///
///     stored   |-- 0.20 ---------------------->
///     after    |-- 0.20 ------|-- 0.25 ------->
///                            now
///
/// Example 2: the file has 0.20 without effective_from and adds an exception of 0.10 from May 1 to
/// May 3. The exception is a version with an end of its own; the version before it applies again
/// afterwards.
///
///     stored   |-- 0.20 ---------------------->
///     after    |-- 0.20 ---------------------->          (unchanged, no new row)
///                        |-0.10-|                        (added; the newest in effect applies)
///            now      May 1   May 3
///
/// `SameTerms(a, b)` compares everything except id, name and times.
template <typename Version, typename SameTerms>
class version_matcher {
  public:
    version_matcher(std::span<Version const* const> stored, std::span<Version const* const> wanted,
                    ingest::time_us now, past_of_plan history, version_changes<Version>& out,
                    SameTerms same_terms)
        : now_(now), history_(history), out_(out), same_terms_(same_terms) {
        for (auto const* each : stored) {
            stored_.push_back({each, false});
        }
        for (auto const* each : wanted) {
            wanted_.push_back({each, each->effective_from, each->effective_to, false});
        }
    }

    void match() {
        std::ranges::sort(wanted_, {}, [](slot const& w) { return w.first; });
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
        ingest::time_us first; ///< its begin after all changes
        ingest::time_us end;
        bool is_settled;
    };

    /// A version without an end ends where the next version without an end begins. A version with
    /// an end of its own is an exception: after it, the version before it applies again.
    void end_by_successors() {
        ingest::time_us next = INT64_MAX;
        for (std::size_t i = wanted_.size(); i-- > 0;) {
            if (wanted_[i].end == INT64_MAX) {
                wanted_[i].end = next;
                next = wanted_[i].first;
            }
        }
    }

    void add(slot& wanted, ingest::time_us begin) {
        Version made = *wanted.version;
        made.id = {};
        made.effective_from = wanted.first = begin;
        made.effective_to = wanted.end;
        wanted.is_settled = true;
        out_.added.push_back(std::move(made));
    }

    void keep(slot& wanted, kept& stored) {
        stored.is_wanted = true;
        wanted.is_settled = true;
        wanted.first = stored.version->effective_from;
        // A version that has ended keeps its end: calls were charged by it.
        if (stored.version->effective_to > now_ && stored.version->effective_to != wanted.end) {
            out_.ended.push_back({*stored.version, wanted.end});
        }
        if (stored.version->name != wanted.version->name) {
            out_.renamed.push_back({stored.version->id, wanted.version->name});
        }
    }

    /// Matches a wanted version with the stored one that begins at the same moment.
    void match_moment(slot& wanted) {
        auto const found = std::ranges::find_if(stored_, [&](kept const& each) {
            return each.version->effective_from == wanted.first;
        });

        // No stored version begins then. One without a begin may be added only where it does not
        // change the past.
        if (found == stored_.end()) {
            if (wanted.first != INT64_MIN || history_ == past_of_plan::none ||
                (history_ == past_of_plan::empty && wanted.end > now_)) {
                add(wanted, wanted.first);
            }
            return;
        }

        // The same price stays as it is stored, unless it has ended and is wanted again.
        Version const& stored = *found->version;
        if (same_terms_(stored, *wanted.version)) {
            if (stored.effective_to > now_ || wanted.end <= now_) {
                keep(wanted, *found);
            }
        } else if (stored.effective_from >= now_) {
            // Nothing was charged by it yet, so the wanted version may replace it.
            found->is_wanted = true;
            out_.removed.push_back(stored);
            add(wanted, wanted.first);
        }
    }

    /// When a version that has no stored begin starts: now, or after every exception that applies
    /// now and that the version does not override.
    [[nodiscard]] ingest::time_us start_of(slot const& wanted) const {
        ingest::time_us start = now_;
        for (auto const& other : wanted_) {
            bool const is_later = other.version->effective_from > wanted.version->effective_from;
            if (is_later && other.version->effective_from <= start && start < other.end) {
                start = other.end;
            }
        }
        return start;
    }

    /// Of versions in effect the one that began last applies. A stored version with another begin
    /// than the wanted one would change that order: whether it would override an exception that
    /// must override it, or be overridden by a version that it must override.
    [[nodiscard]] bool is_out_of_order(Version const& stored, slot const& wanted) const {
        return std::ranges::any_of(wanted_, [&](slot const& other) {
            bool const meets = std::max(now_, stored.effective_from) < other.end;
            bool const is_above = other.version->effective_from > wanted.version->effective_from;
            bool const is_below = other.version->effective_from < wanted.version->effective_from;
            return meets &&
                   ((is_above && other.version->effective_from < stored.effective_from) ||
                    (is_below && other.first >= stored.effective_from && other.first < wanted.end));
        });
    }

    /// Matches a wanted version that no stored one shares its begin with: a stored version of the
    /// same terms that is in effect serves as well, the newest one first. Otherwise it is added.
    void match_floating(slot& wanted) {
        bool const is_past = wanted.end <= now_;
        ingest::time_us const start = start_of(wanted);

        // A wanted version of the past needs a stored one that charged then; any other one that
        // goes on at its start.
        kept* best = nullptr;
        for (auto& each : stored_) {
            Version const& stored = *each.version;
            bool const fits = is_past
                                  ? stored.effective_from < wanted.end
                                  : stored.effective_to > now_ && stored.effective_from <= start &&
                                        !is_out_of_order(stored, wanted);
            if (!each.is_wanted && fits && same_terms_(stored, *wanted.version) &&
                (best == nullptr || best->version->effective_from < stored.effective_from)) {
                best = &each;
            }
        }

        // The past is not added: nothing was charged by this version then.
        if (best != nullptr) {
            keep(wanted, *best);
        } else if (!is_past && start < wanted.end) {
            add(wanted, start);
        }
    }

    /// Ends a stored version that is no longer wanted: where its replacement begins, or now.
    void give_up(Version const& stored) {
        if (stored.effective_from >= now_) {
            out_.removed.push_back(stored);
            return;
        }

        // Find the version that replaces it now, and the first one that begins later.
        bool is_covered = false; // a wanted version applies now
        ingest::time_us replaced = INT64_MAX;
        ingest::time_us next = INT64_MAX;
        for (auto const& each : wanted_) {
            if (each.is_settled && each.first <= now_ && now_ < each.end) {
                is_covered = true;
                replaced =
                    each.first > stored.effective_from ? std::min(replaced, each.first) : replaced;
            } else if (each.is_settled && each.first > now_) {
                next = std::min(next, each.first);
            }
        }

        // Without a wanted version that applies now, the stored one remains until the next begins:
        // the plan must not be without a price in between.
        if (is_covered || next == INT64_MAX) {
            next = std::min(replaced, now_);
        }
        if (stored.effective_to > next) {
            out_.ended.push_back({stored, next});
        }
    }

    ingest::time_us now_;
    past_of_plan history_;
    version_changes<Version>& out_;
    SameTerms same_terms_;
    std::vector<kept> stored_;
    std::vector<slot> wanted_;
};

} // namespace tally::rating
