#include "rating/number/number_normalizer.hpp"

#include "ingest/text/trim.hpp"
#include "rating/number/number_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tally::rating {

namespace {

/// A number during its conversion to E.164. The buffer has room for a replacement in front of the
/// number. A text that does not fit is not a phone number.
class number_text {
  public:
    bool take(std::string_view sent) noexcept {
        for (char const c : without_scheme(sent)) {
            // The host and the parameters of a URI are no part of the number.
            if (c == '@' || c == ';') {
                break;
            }
            if (is_separator(c)) {
                continue;
            }
            if (length_ == text_.size()) {
                return false;
            }
            text_[length_++] = c;
        }
        return true;
    }

    /// Replaces the first `dropped` characters by `head`. Returns false when the result does not
    /// fit.
    bool begin_with(std::string_view head, std::size_t dropped) noexcept {
        // Through a second buffer: head and rest overlap in the first one.
        std::size_t const rest = length_ - dropped;
        if (head.size() + rest > text_.size()) {
            return false;
        }
        std::copy_n(head.data(), head.size(), spare_.data());
        std::copy_n(text_.data() + dropped, rest, spare_.data() + head.size());
        text_ = spare_;
        length_ = head.size() + rest;
        return true;
    }

    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), length_}; }

  private:
    static constexpr std::size_t bytes_max = 2 * prefix_index::digits_max;
    std::array<char, bytes_max> text_{};
    std::array<char, bytes_max> spare_{};
    std::size_t length_ = 0;
};

bool are_digits(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool is_short(std::string_view text, ingest::number_rules const& rules) noexcept {
    // 112 must stay a prefix of the tariff and not become a national number.
    return are_digits(text) && (text.size() <= rules.short_digits_max ||
                                std::find(rules.short_codes.begin(), rules.short_codes.end(),
                                          text) != rules.short_codes.end());
}

/// Applies the first rewrite whose prefix matches. Returns false when the number becomes too long.
bool rewrite(number_text& number, ingest::number_rules const& rules, std::size_t& applied) {
    for (std::size_t i = 0; i < rules.rewrites.size(); ++i) {
        auto const& rule = rules.rewrites[i];
        if (number.view().starts_with(rule.prefix)) {
            applied = i;
            return number.begin_with(rule.replacement, rule.prefix.size());
        }
    }
    return true;
}

/// The digits after an international prefix; empty without one. No country code begins with 0, so
/// surplus zeros ("00034...") belong to the prefix.
std::string_view behind_prefix(std::string_view digits,
                               ingest::number_rules const& rules) noexcept {
    for (auto const& prefix : rules.international_prefixes) {
        if (digits.starts_with(prefix)) {
            auto const code = digits.find_first_not_of('0', prefix.size());
            return code == std::string_view::npos ? std::string_view{} : digits.substr(code);
        }
    }
    return {};
}

/// Converts digits, with or without '+', to international form in place. The first rule that
/// matches decides; their order is part of the contract (see the header).
number_form internationalise(number_text& number, ingest::number_rules const& rules) noexcept {
    auto const text = number.view();
    bool const has_plus = text.starts_with('+');
    auto const digits = text.substr(has_plus ? 1 : 0);
    if (!are_digits(digits)) {
        return number_form::no_number;
    }
    if (has_plus) {
        return number.begin_with({}, 1) ? number_form::plus : number_form::no_number;
    }

    // International prefix, for example 00.
    if (auto const rest = behind_prefix(digits, rules); !rest.empty()) {
        return number.begin_with({}, digits.size() - rest.size()) ? number_form::after_prefix
                                                                  : number_form::no_number;
    }

    // National prefix, for example 0.
    auto const& national = rules.national_prefix;
    if (!national.empty() && digits.size() > national.size() && digits.starts_with(national)) {
        return number.begin_with(rules.country_code, national.size()) ? number_form::national_prefix
                                                                      : number_form::no_number;
    }

    // A national number without a prefix is recognized by its length.
    auto const& lengths = rules.national_lengths;
    if (std::find(lengths.begin(), lengths.end(), digits.size()) != lengths.end()) {
        return number.begin_with(rules.country_code, 0) ? number_form::national_length
                                                        : number_form::no_number;
    }
    return number_form::as_it_is;
}

void apply(std::string_view& number, std::string_view& sent, ingest::number_rules const& rules,
           ingest::text_arena& text) {
    std::array<char, prefix_index::digits_max> buffer;
    auto const digits = normalize(number, rules, buffer).digits;
    if (digits.empty() || digits == number) {
        return;
    }

    // A '+' alone is no difference worth keeping.
    if (ingest::without_plus(number) != digits) {
        sent = number;
    }

    // Most rules only remove leading digits. Then the result is a suffix of the text in the batch
    // and needs no copy.
    number =
        number.ends_with(digits) ? number.substr(number.size() - digits.size()) : text.keep(digits);
}

} // namespace

normal_number normalize(std::string_view number, ingest::number_rules const& rules,
                        number_buffer buffer) noexcept {
    normal_number out;
    number_text text;
    if (rules.empty() || !text.take(number)) {
        return out;
    }

    // Short codes come before the rewrites, so that no rule turns an emergency number into another
    // one.
    if (is_short(text.view(), rules)) {
        out.form = number_form::short_code;
        return out;
    }
    if (!rewrite(text, rules, out.rewrite)) {
        return out;
    }

    out.form = internationalise(text, rules);
    auto const digits = text.view();
    if (out.form == number_form::no_number || digits.size() > buffer.size()) {
        out.form = number_form::no_number;
        return out;
    }

    // Into the caller's buffer: `text` ends with this function.
    std::copy(digits.begin(), digits.end(), buffer.begin());
    out.digits = {buffer.data(), digits.size()};
    return out;
}

void apply_number_rules(ingest::record_batch& batch, ingest::number_rules const& rules) {
    // Once a batch: a second pass would take the result for what the switch had sent.
    if (std::exchange(batch.has_normal_numbers, true) || rules.empty()) {
        return;
    }
    for (auto& call : batch.cdrs) {
        apply(call.caller_id, call.sent_caller_id, rules, batch.text);
        apply(call.destination, call.sent_destination, rules, batch.text);
    }
}

} // namespace tally::rating
