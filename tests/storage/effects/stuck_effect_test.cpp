#include "storage/effects/stuck_effect.hpp"

#include "tests/storage/effects/effect_queue_fixture.hpp"

#include <gmock/gmock.h>

// Effects that fail for good, and refusals that suspense refuses: what they hold up, and what not.

namespace tally::storage {
namespace {

using testing::ElementsAre;

/// An effect that no retry helps. Effects of `kinds` (regex) of more than `over` SMS lack a right.
class failing_effect : public effect_queue_test {
  protected:
    void deny(std::string const& kinds, int over = 0) {
        run("CREATE OR REPLACE FUNCTION public.deny() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.type ~ '" +
            kinds + "' AND (NEW.metadata->>'quantity')::int > " + std::to_string(over) +
            " THEN RAISE 'permission denied for %', NEW.type"
            " USING ERRCODE = '42501'; END IF; RETURN NEW; END $$;"
            " DROP TRIGGER IF EXISTS deny ON licensing.license_audit_events; CREATE TRIGGER deny "
            "BEFORE INSERT ON licensing.license_audit_events"
            " FOR EACH ROW EXECUTE FUNCTION public.deny()");
    }
    /// Tries `attempts` times; the number of failed transactions.
    int try_often(effect_queue& tried, int attempts = 40) {
        int failures = 0;
        for (int i = 0; i < attempts; ++i) {
            effect_counts done;
            auto const status = tried.apply_next(done);
            failures += status.ok() ? 0 : 1;
            EXPECT_TRUE(status.ok() || status.reason == failure::permanent) << status.detail;
        }
        return failures;
    }

    effect_queue patient{connection, {.time = std::chrono::milliseconds{0}, .attempts = 3}};
};

TEST_F(failing_effect, waits_in_suspense_by_itself) {
    deny("sent");
    store({sent("a", "SALON-1", 60), bought("b", "SALON-2", 5), sent("c", "SALON-1", 1),
           bought("d", "SALON-2", 1)});
    EXPECT_EQ(try_often(patient), 4) << "all at once, and three times alone";
    EXPECT_EQ(credits(), "SALON-1 100 SALON-2 6");
    EXPECT_THAT(suspended(), ElementsAre("database_refused|raw of event a|waiting",
                                         "database_refused|raw of event c|waiting"));
    EXPECT_THAT(ask("SELECT min(detail) FROM ingest.suspense"),
                testing::StartsWith("42501 permission denied for license.sms.sent"));
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.event_identities"), "2");
    EXPECT_EQ(waiting(), "0");
}

TEST_F(failing_effect, holds_up_nothing_by_its_own_content) {
    deny("sent", 50);
    store({sent("a", "SALON-1", 60), sent("b", "SALON-1", 10)});
    try_often(patient);
    EXPECT_EQ(credits(), "SALON-1 90 SALON-2 0");
    EXPECT_THAT(suspended(), ElementsAre("database_refused|raw of event a|waiting"));
}

// The queue would end in suspense as a whole, for a reason that has nothing to do with its events.
TEST_F(failing_effect, waits_in_the_queue_when_all_effects_fail) {
    deny(".");
    store({sent("a", "SALON-1", 60), bought("b", "SALON-2", 5), sent("c", "SALON-1", 1)});
    EXPECT_EQ(try_often(patient), 40);
    EXPECT_TRUE(suspended().empty());
    EXPECT_EQ(waiting(), "3");
    run("DROP TRIGGER deny ON licensing.license_audit_events");
    EXPECT_EQ(try_often(patient), 0);
    EXPECT_EQ(credits(), "SALON-1 39 SALON-2 5");
}

// A refusal changes nothing, so it shows nothing about what can be changed.
TEST_F(failing_effect, waits_in_the_queue_when_all_others_fail_or_are_refused) {
    deny(".");
    store({sent("a", "SALON-1", 60), bought("b", "SALON-2", 5), sent("c", "UNKNOWN", 1)});
    EXPECT_EQ(try_often(patient), 40);
    EXPECT_TRUE(suspended().empty());
    EXPECT_EQ(waiting(), "3");
}

TEST_F(failing_effect, waits_in_suspense_by_itself_also_when_there_are_many) {
    deny("sent");
    std::vector<ingest::event> many;
    for (int i = 0; i < 400; ++i) {
        auto const id = std::to_string(i);
        many.push_back(i % 2 == 0 ? sent("s" + id, "SALON-1", 1) : bought("b" + id, "SALON-2", 1));
    }
    store(many);
    try_often(patient, 1000);
    EXPECT_EQ(waiting(), "0");
    EXPECT_EQ(credits(), "SALON-1 100 SALON-2 200");
    EXPECT_EQ(suspended().size(), 200U);
}

TEST_F(failing_effect, waits_in_the_queue_while_it_holds_up_none) {
    deny("sent");
    store({sent("a", "SALON-1", 60)});
    EXPECT_EQ(try_often(patient), 40);
    EXPECT_TRUE(suspended().empty());
    deny("nothing");
    EXPECT_EQ(try_often(patient), 0);
    EXPECT_EQ(credits(), "SALON-1 40 SALON-2 0");
}

TEST_F(failing_effect, is_not_given_up_before_its_time) {
    deny("sent");
    store({sent("a", "SALON-1", 60), bought("b", "SALON-2", 5)});
    EXPECT_EQ(try_often(queue), 40) << "for less than a minute";
    EXPECT_EQ(waiting(), "2");
}

TEST_F(effect_queue_test, suspends_without_the_words_that_suspense_refuses) {
    run("ALTER TABLE ingest.suspense ADD CONSTRAINT odd CHECK (detail !~ 'SMS left')");
    store({sent("a", "SALON-2", 1), bought("b", "SALON-2", 5), sent("c", "SALON-2", 6)});
    while (waiting() != "0") {
        static_cast<void>(apply_next()); // all at once fails, then each by itself
    }
    EXPECT_EQ(credits(), "SALON-1 100 SALON-2 5");
    EXPECT_THAT(suspended(), ElementsAre("not_enough_credits|raw of event a|waiting",
                                         "not_enough_credits|raw of event c|waiting"));
    EXPECT_EQ(ask("SELECT count(detail) FROM ingest.suspense"), "0");
}

} // namespace
} // namespace tally::storage
