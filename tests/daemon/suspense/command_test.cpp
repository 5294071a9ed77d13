#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

// tallyd suspense with the real binary: list, show, retry, discard, export and import again.

namespace tally {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::command_result;
using tests::execute;
using tests::query_one;

std::string call(int number, std::string const& account, std::string const& duration = "60") {
    return tests::call_json{number}
        .with("account_number", account)
        .with("destination", "1212")
        .lasting(1777888800, 60)
        .with_json("duration", duration)
        .line();
}

/// A row of Master.csv; `start` in the switch's local time.
std::string csv_call(std::string const& start, std::string const& account = "ACC-1") {
    return "\"" + account +
           R"(","1001","1212","internal","""A"" <1001>","SIP/1","SIP/2","Dial",)"
           R"("SIP/out",")" +
           start + "\",\"" + start +
           R"(","2026-05-04 11:01:00",60,60,"ANSWERED",)"
           R"("DOCUMENTATION","1777892410.1",""
)";
}

class suspense_command : public ::testing::Test {
  protected:
    suspense_command() {
        tests::make_telecom(connection_, 3);
        environment_["TALLYD_DATABASE_URL"] = connection_;
        auto name = (std::filesystem::temp_directory_path() / "tallyd-suspense-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
    }
    ~suspense_command() override { std::filesystem::remove_all(folder_); }

    command_result run(std::vector<std::string> words) const {
        words.insert(words.begin(), "suspense");
        return tests::run_tallyd(TALLY_BINARY, words, environment_);
    }
    std::string file(std::string const& name, std::string const& text) const {
        std::ofstream{folder_ / name, std::ios::binary} << text;
        return (folder_ / name).string();
    }
    std::string content(std::string const& name) const {
        std::ostringstream all;
        all << std::ifstream{folder_ / name, std::ios::binary}.rdbuf();
        return all.str();
    }
    void import(std::string const& text, std::string const& format = "canonical",
                int exit_code = 0) const {
        auto const path = file("calls-" + std::to_string(files_++), text);
        auto const done =
            tests::run_tallyd(TALLY_BINARY, {"import", path, "--format", format}, environment_);
        ASSERT_EQ(done.exit_code, exit_code) << done.out;
    }
    /// As a lane does that cannot look for the bad records of a source.
    void suspend_together(std::string const& calls) const {
        import(calls);
        execute(connection_, "UPDATE ingest.suspense SET reason = 'refused_together'");
        rename_account("ACC-3", "ACC-9");
    }
    void rename_account(std::string const& begin, std::string const& out) const {
        execute(connection_, "UPDATE billing.accounts SET account_number = '" + out +
                                 "' WHERE account_number = '" + begin + "'");
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    std::string id_of(std::string const& reason) const {
        return one("SELECT id FROM ingest.suspense WHERE reason = '" + reason + "' ORDER BY id");
    }
    void expect_sums(std::string const& sum) const {
        EXPECT_THAT(tests::four_sums(connection_), Each(sum));
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_;
    std::filesystem::path folder_;
    mutable int files_ = 0;
};

TEST_F(suspense_command, list_sums_up_first_and_shows_records_to_who_asks) {
    EXPECT_THAT(run({"list"}).out, HasSubstr("nothing is suspended"));
    import(call(1, "ACC-8") + call(2, "ACC-9"));
    import(csv_call("2026-05-04 11:00:00", "ACC-9"), "asterisk");
    auto const summary = run({"list"});
    EXPECT_EQ(summary.exit_code, 0);
    EXPECT_THAT(summary.out, AllOf(HasSubstr("unknown_account"), HasSubstr("oldest (UTC)"),
                                   HasSubstr("create the account, then retry"),
                                   HasSubstr("canonical        2")));
    EXPECT_THAT(run({"list", "--json"}).out, HasSubstr(R"("format":"canonical","records":2,)"));
    EXPECT_THAT(run({"list", "--format", "asterisk"}).out,
                AllOf(HasSubstr(id_of("unknown_account").substr(0, 4)), HasSubstr("asterisk"),
                      Not(HasSubstr("canonical"))));
    EXPECT_THAT(run({"list", "--reason", "unknown_account", "--limit", "1"}).out,
                HasSubstr("the latest 1 of 3"));
    EXPECT_THAT(run({"list", "--reason", "no_rate"}).out, HasSubstr("no suspended record matches"));
    EXPECT_THAT(run({"list", "--since", "2020-01-01", "--json"}).out,
                HasSubstr(R"("state":"waiting","reason":"unknown_account")"));
    EXPECT_THAT(run({"list", "--until", "2020-01-01", "--json"}).out, Not(HasSubstr("waiting")));
    EXPECT_THAT(run({"list", "--source", "local", "--state", "resolved"}).out,
                HasSubstr("no suspended record matches"));
}

TEST_F(suspense_command, tells_what_is_wrong_with_what_was_asked) {
    import(call(1, "ACC-8") + call(2, "ACC-9"));
    EXPECT_EQ(run({"list", "--reason", "no_such"}).exit_code, 2);
    EXPECT_EQ(run({"list", "--since", "yesterday"}).exit_code, 2);
    EXPECT_EQ(run({"list", "--state", "lost"}).exit_code, 2);
    EXPECT_EQ(run({"discard", "--reason", "no_rate"}).exit_code, 2);
    EXPECT_EQ(run({"discard", "--because", "x", "--yes"}).exit_code, 2);
    EXPECT_THAT(run({"list", "--source", "who"}).out, HasSubstr("there is no source 'who'"));
    EXPECT_THAT(run({"show", "zz"}).out, HasSubstr("'zz' is no id, and begins none"));
    EXPECT_THAT(run({"show", "ff"}).out, HasSubstr("no suspended record has the id 'ff'"));
    EXPECT_THAT(run({"show", "0"}).out, HasSubstr("several suspended records"));
    for (auto const* word : {"list", "show", "retry", "discard", "restore", "export"}) {
        auto const help = run({word, "--help"});
        EXPECT_EQ(help.exit_code, 0);
        EXPECT_THAT(help.out, HasSubstr("--json"));
    }
}

TEST_F(suspense_command, show_says_why_what_to_do_and_what_came) {
    import(csv_call("2026-05-04 11:00:00", "A\xff\x1b[2J"), "asterisk");
    auto const id = id_of("unknown_account");
    auto const shown = run({"show", id.substr(0, 13)});
    EXPECT_EQ(shown.exit_code, 0);
    EXPECT_THAT(shown.out, AllOf(HasSubstr(id), HasSubstr("create the account, then retry"),
                                 HasSubstr("by a daemon, when the catalog changes"),
                                 HasSubstr("A\\xff\\x1b[2J"), HasSubstr("attempts      1")));
    EXPECT_THAT(run({"show", id, "--json"}).out,
                AllOf(HasSubstr(R"("id":")" + id), HasSubstr(R"("payload_base64":")")));
}

TEST_F(suspense_command, retry_takes_ids_and_filters_and_counts_once) {
    import(call(1, "ACC-8") + call(2, "ACC-9"));
    rename_account("ACC-3", "ACC-9");
    auto const id = one("SELECT id FROM ingest.suspense WHERE convert_from(payload, 'UTF8')"
                        " LIKE '%ACC-9%'");
    EXPECT_THAT(run({"retry", "--format", "asterisk", "--json"}).out, HasSubstr(R"("tried":0)"));
    EXPECT_THAT(run({"retry", id, "--dry-run", "--json"}).out,
                HasSubstr(R"("dry_run":true,"tried":1,"stored":1)"));
    EXPECT_THAT(run({"retry", id, "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
    EXPECT_THAT(run({"retry", id, "--json"}).out, HasSubstr(R"("tried":0)"));
    EXPECT_THAT(run({"retry"}).out, HasSubstr("waiting   unknown_account 1"));
    expect_sums("0.600000000");
    EXPECT_EQ(one("SELECT string_agg(state || ' ' || attempts, ', ' ORDER BY state)"
                  " FROM ingest.suspense"),
              "waiting 2, resolved 2");
}

// The cause of a rejected record may be a setting of its source, which is corrected before the
// retry.
TEST_F(suspense_command, what_no_decoder_could_read_is_read_by_the_source_as_it_is_now) {
    import(csv_call("2026-03-29 02:30:00"), "asterisk");
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "1");
    execute(connection_, "INSERT INTO ingest.suspense (reason, source_id, format, payload,"
                         " payload_sha256, received_at) SELECT 'bad_columns', id, 'asterisk',"
                         " convert_to('" +
                             csv_call("2026-05-04 11:00:00", "0091-1") +
                             "', 'UTF8'), sha256('x'), now() FROM ingest.sources");
    EXPECT_THAT(run({"retry", "--reason", "bad_columns", "--json"}).out,
                HasSubstr(R"("still_waiting":{"unknown_account":1})"));
    rename_account("ACC-3", "0091-1");
    execute(connection_, "UPDATE ingest.sources SET time_zone = 'Asia/Kolkata'");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
    EXPECT_EQ(one("SELECT to_char(max(start_time) AT TIME ZONE 'UTC', 'DD HH24:MI')"
                  " FROM billing.cdrs"),
              "04 05:30");
}

// A switch's body that cannot be split is suspended as one record.
TEST_F(suspense_command, a_payload_of_several_records_is_resolved_with_the_last_of_them) {
    execute(connection_, "INSERT INTO ingest.suspense (reason, source_id, format, payload,"
                         " payload_sha256, received_at) SELECT 'bad_encoding', id, 'canonical',"
                         " convert_to('" +
                             call(1, "ACC-1") + call(2, "ACC-9") +
                             "', 'UTF8'), sha256('x'), now() FROM ingest.sources");
    EXPECT_THAT(run({"retry", "--json"}).out,
                HasSubstr(R"("stored":0,"duplicate":0,"still_waiting":{"unknown_account":1})"));
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "0");
    rename_account("ACC-3", "ACC-9");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "2");
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'resolved'"), "1");
    expect_sums("1.200000000");
}

// The payload was resolved, so the same bytes are a duplicate, although the number has no owner
// when they are sent again.
TEST_F(suspense_command, a_record_sent_again_counts_once_whoever_has_its_number_by_now) {
    auto by_number = call(1, "ACC-1");
    std::string const account = R"("account_number":"ACC-1",)";
    by_number.erase(by_number.find(account), account.size());
    by_number.replace(by_number.find("1001"), 4, "4930111");
    auto const give_number_to = [&](std::string const& subscription) {
        execute(connection_, "DELETE FROM billing.dids WHERE did_number = '4930111';"
                             "INSERT INTO billing.dids (did_number, subscription_id, status)"
                             " SELECT '4930111', id, 'active' FROM billing.subscriptions WHERE"
                             " subscription_number = '" +
                                 subscription + "'");
    };
    import(by_number);
    give_number_to("SUB-1");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
    give_number_to("none");
    import(by_number + call(2, "ACC-1"));
    EXPECT_EQ(one("SELECT state FROM ingest.suspense"), "resolved");
    give_number_to("SUB-2");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":0,"stored":0)"));
    EXPECT_EQ(one("SELECT state FROM ingest.suspense"), "resolved");
    expect_sums("1.200000000");
}

TEST_F(suspense_command, a_record_of_a_source_that_is_gone_waits_for_it) {
    import(call(1, "ACC-9"));
    rename_account("ACC-3", "ACC-9");
    std::string const id = "00000000-0000-7000-8000-0000000000ff";
    execute(connection_, "UPDATE ingest.suspense SET source_id = '" + id + "'");
    EXPECT_THAT(run({"list", "--json"}).out, HasSubstr(R"("source":")" + id));
    EXPECT_THAT(run({"retry", "--json"}).out,
                HasSubstr(R"("tried":1,"stored":0,"duplicate":0,"still_waiting")"));
    EXPECT_THAT(run({"show", id_of("unknown_account")}).out, HasSubstr("its source is deleted"));
    execute(connection_, "INSERT INTO ingest.sources (id, name) VALUES ('" + id + "', 'back')");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
}

TEST_F(suspense_command, a_conflict_is_stored_when_what_it_conflicts_with_is_another_call) {
    import(call(1, "ACC-1"));
    import(call(1, "ACC-1", "61"));
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("still_waiting":{"conflict":1})"));
    EXPECT_EQ(one("SELECT reason || attempts FROM ingest.suspense"), "conflict2");
    EXPECT_THAT(run({"show", id_of("conflict")}).out, HasSubstr("by hand: tallyd suspense retry"));
}

TEST_F(suspense_command, what_was_too_old_is_stored_when_the_settings_allow_it) {
    environment_["TALLYD_PARTITIONS_PAST_DAYS"] = "1";
    import(call(1, "ACC-1"));
    EXPECT_EQ(one("SELECT reason FROM ingest.suspense"), "time_out_of_bounds");
    environment_.erase("TALLYD_PARTITIONS_PAST_DAYS");
    EXPECT_THAT(run({"retry", "--reason", "time_out_of_bounds", "--json"}).out,
                HasSubstr(R"("tried":1,"stored":1)"));
    expect_sums("0.600000000");
}

TEST_F(suspense_command, what_postgresql_refused_is_stored_when_it_does_no_more) {
    execute(connection_, "ALTER TABLE billing.cdrs ADD CONSTRAINT no_60 CHECK (duration <> 60)");
    import(call(1, "ACC-1"));
    EXPECT_EQ(one("SELECT reason FROM ingest.suspense"), "database_refused");
    execute(connection_, "ALTER TABLE billing.cdrs DROP CONSTRAINT no_60");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
    expect_sums("0.600000000");
}

TEST_F(suspense_command, a_retry_finds_the_good_records_among_those_refused_together) {
    suspend_together(call(1, "ACC-9") + call(2, "ACC-9", "61") + call(3, "ACC-9"));
    execute(connection_, "ALTER TABLE billing.cdrs ADD CONSTRAINT no_61 CHECK (duration <> 61)");
    EXPECT_THAT(run({"retry", "--json"}).out,
                HasSubstr(R"("tried":3,"stored":2,"duplicate":0,"still_waiting":{"database_ref)"
                          R"(used":1})"));
    expect_sums("1.200000000");
}

// One of them came again meanwhile, and was stored.
TEST_F(suspense_command, a_retry_of_those_refused_together_counts_none_twice) {
    suspend_together(call(1, "ACC-9") + call(2, "ACC-9"));
    import(call(1, "ACC-9") + "\n");
    expect_sums("0.600000000");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":2,"stored":1,"duplicate":1)"));
    EXPECT_EQ(one("SELECT string_agg(state::text, ' ') FROM ingest.suspense"), "resolved resolved");
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "2");
    expect_sums("1.200000000");
}

// Order of locks, and the index of the queue: as the daemon's effects have them.
TEST_F(suspense_command, a_retry_applies_effects_with_the_limits_of_effects) {
    execute(connection_,
            "INSERT INTO licensing.licenses (key, product, plan, status, seats_total, dba,"
            " sms_purchased, sms_balance) VALUES ('SALON-1', 'Salon', 'Premium', 'active', 5,"
            " 'Curl', 10, 10);"
            "CREATE TABLE public.plans (seqscan text);"
            "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " INSERT INTO public.plans VALUES (current_setting('enable_seqscan')); RETURN NULL;"
            " END $$;"
            "CREATE TRIGGER note AFTER DELETE ON ingest.effect_queue FOR EACH STATEMENT EXECUTE"
            " FUNCTION public.note()");
    execute(connection_,
            "INSERT INTO ingest.suspense (reason, source_id, format, payload, payload_sha256,"
            " batch_id, received_at) SELECT 'unknown_license', s.id, 'cloudevents', p,"
            " sha256('cloudevents'::bytea || '\\x00'::bytea || p), public.uuid_v7(), now()"
            " FROM ingest.sources AS s, convert_to('{\"specversion\":\"1.0\",\"id\":\"a\","
            "\"source\":\"app\",\"type\":\"license.sms.sent\",\"subject\":\"SALON-1\","
            "\"time\":\"2026-05-04T11:00:00Z\",\"data\":{\"quantity\":4}}', 'UTF8') AS p LIMIT 1");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":1,"stored":1)"));
    EXPECT_EQ(one("SELECT sms_balance FROM licensing.licenses"), "6");
    EXPECT_EQ(one("SELECT string_agg(DISTINCT seqscan, ' ') FROM public.plans"), "off");
}

TEST_F(suspense_command, discard_asks_keeps_the_reason_and_can_be_taken_back) {
    import(call(1, "ACC-8") + call(2, "ACC-9"));
    std::vector<std::string> const words{"discard", "--reason", "unknown_account", "--because",
                                         "tests of the carrier"};
    auto const with = [&](std::string const& flag) {
        auto all = words;
        all.push_back(flag);
        return all;
    };
    auto const unasked = run(words);
    EXPECT_EQ(unasked.exit_code, 1);
    EXPECT_THAT(unasked.out, HasSubstr("pass --yes"));
    EXPECT_THAT(run(with("--dry-run")).out, HasSubstr("2 records to be discarded"));
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'waiting'"), "2");
    EXPECT_THAT(run(with("--yes")).out, HasSubstr("2 records discarded"));
    EXPECT_THAT(run(with("--yes")).out, HasSubstr("0 records discarded"));
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'discarded' AND"
                  " resolution = 'tests of the carrier' AND resolved_by <> ''"),
              "2");
    rename_account("ACC-3", "ACC-9");
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":0)"));
    EXPECT_THAT(run({"restore", "--reason", "unknown_account", "--yes", "--json"}).out,
                HasSubstr(R"("restored":2)"));
    EXPECT_THAT(run({"retry", "--json"}).out, HasSubstr(R"("tried":2,"stored":1)"));
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE resolved_by IS NOT NULL"), "0");
}

TEST_F(suspense_command, export_gives_every_byte_and_raw_goes_back_in_corrected) {
    import(call(1, "ACC-8") + call(2, "ACC-9"));
    import(csv_call("2026-05-04 11:00:00", "A\xff"), "asterisk");
    auto const all = (folder_ / "all.ndjson").string();
    EXPECT_THAT(run({"export", "--to", all}).out, HasSubstr("3 records exported"));
    auto const text = content("all.ndjson");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_THAT(text, AllOf(HasSubstr(R"("payload":"{\"uuid\":\"d0000000)"),
                            HasSubstr(R"("payload_base64":")"), HasSubstr(R"("state":"waiting")")));
    EXPECT_EQ(std::filesystem::status(all).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_THAT(run({"export", "--raw", "--to", all}).out, HasSubstr("one format at a time"));
    EXPECT_THAT(run({"export", "--to", (folder_ / "none/x").string()}).out,
                HasSubstr("No such file"));
    EXPECT_THAT(run({"export", "--raw", "--format", "asterisk", "--to", "-"}).out,
                HasSubstr("\"A\xff\",\"1001\""));

    auto const raw = (folder_ / "raw.ndjson").string();
    EXPECT_EQ(run({"export", "--raw", "--format", "canonical", "--to", raw}).exit_code, 0);
    auto sanitized = content("raw.ndjson");
    for (auto const& wrong : {"ACC-8", "ACC-9"}) {
        sanitized.replace(sanitized.find(wrong), 5, "ACC-1");
    }
    import(sanitized);
    EXPECT_EQ(
        run({"discard", "--format", "canonical", "--because", "corrected", "--yes"}).exit_code, 0);
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "2");
    expect_sums("1.200000000");
}

TEST_F(suspense_command, several_at_once_store_each_record_once) {
    std::string calls;
    for (int i = 0; i < 2000; ++i) {
        calls += call(i, "ACC-9");
    }
    import(calls);
    rename_account("ACC-3", "ACC-9");
    std::vector<std::thread> crowd;
    crowd.reserve(3);
    std::atomic<int> failures{0};
    for (int i = 0; i < 3; ++i) {
        crowd.emplace_back([&] { failures += run({"retry"}).exit_code != 0 ? 1 : 0; });
    }
    for (auto& each : crowd) {
        each.join();
    }
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "2000");
    EXPECT_EQ(one("SELECT string_agg(DISTINCT state || ' ' || attempts, ',')"
                  " FROM ingest.suspense"),
              "resolved 2");
    expect_sums("1200.000000000");
}

} // namespace
} // namespace tally
