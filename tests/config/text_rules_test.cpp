#include "config/text_rules.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace tally::config;

namespace {

TEST(listen, reads_addresses_and_ports) {
    EXPECT_EQ(parse_listen("127.0.0.1:8080"), (listen_address{"127.0.0.1", 8080}));
    EXPECT_EQ(parse_listen("0.0.0.0:0"), (listen_address{"0.0.0.0", 0}));
    EXPECT_EQ(parse_listen("[::1]:65535"), (listen_address{"::1", 65535}));
    EXPECT_EQ(parse_listen("localhost:80"), (listen_address{"127.0.0.1", 80}));
}

TEST(listen, refuses_what_is_no_address_and_port) {
    for (auto const text : {"", ":", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                            "127.0.0.1:-1", "127.0.0.1:80x", "127.0.0.1: 80", "::1:80", "[::1]",
                            "[127.0.0.1]:80", "example.org:80", "256.0.0.1:80", "*:80"}) {
        EXPECT_EQ(parse_listen(text), std::nullopt) << text;
        EXPECT_TRUE(complain_about_listen(text)) << text;
    }
    using namespace std::string_view_literals;
    EXPECT_EQ(parse_listen("127.0.0.1\0:80"sv), std::nullopt);
}

TEST(listen, only_an_optional_one_may_be_empty) {
    EXPECT_FALSE(complain_about_tcp_listen(""));
    EXPECT_FALSE(complain_about_tcp_listen("127.0.0.1:7070"));
    EXPECT_TRUE(complain_about_tcp_listen("7070"));
    EXPECT_TRUE(complain_about_listen(""));
}

TEST(appointment, reads_times_of_the_day_and_of_the_week) {
    EXPECT_EQ(parse_appointment("02:00"), (appointment{120, -1}));
    EXPECT_EQ(parse_appointment("23:59"), (appointment{1439, -1}));
    EXPECT_EQ(parse_appointment("sunday 03:05"), (appointment{185, 0}));
    EXPECT_EQ(parse_appointment("saturday 00:00"), (appointment{0, 6}));
    for (auto const text : {"", ":", "2:00", "24:00", "12:60", "12:00 ", "12-00", "ab:cd", "1e:00",
                            "sunday", "sunday ", "Sunday 03:00", "sun 03:00", "sunday  03:00"}) {
        EXPECT_EQ(parse_appointment(text), std::nullopt) << text;
    }
    EXPECT_FALSE(complain_about_daily_at("02:00"));
    EXPECT_TRUE(complain_about_daily_at("sunday 02:00"));
    EXPECT_FALSE(complain_about_weekly_at("monday 02:00"));
    EXPECT_TRUE(complain_about_weekly_at("02:00"));
}

TEST(time_zone, is_one_that_the_system_knows) {
    EXPECT_FALSE(complain_about_time_zone("UTC"));
    EXPECT_FALSE(complain_about_time_zone("Asia/Kolkata"));
    EXPECT_TRUE(complain_about_time_zone(""));
    EXPECT_TRUE(complain_about_time_zone("Europe/Atlantis"));
}

TEST(index_policy, is_sealed_or_eager) {
    EXPECT_FALSE(complain_about_index_policy("sealed"));
    EXPECT_FALSE(complain_about_index_policy("eager"));
    EXPECT_TRUE(complain_about_index_policy("lazy"));
}

TEST(database_url, takes_what_libpq_takes) {
    for (auto const text : {"", "postgres://h/d", "postgresql://u:p@h:5432/d?sslmode=require",
                            "host=/run/postgresql dbname=x"}) {
        EXPECT_FALSE(complain_about_database_url(text)) << text;
    }
    for (auto const text : {"mysql://h/d", "localhost", "http://x=y"}) {
        EXPECT_TRUE(complain_about_database_url(text)) << text;
    }
}

TEST(database_url, its_complaint_does_not_show_a_password) {
    EXPECT_EQ(complain_about_database_url("mysql://u:sesame@h")->find("sesame"), std::string::npos);
}

TEST(masked_url, hides_passwords_and_nothing_else) {
    EXPECT_EQ(masked_url(""), "");
    EXPECT_EQ(masked_url("postgres://u:secret@h:5432/d"), "postgres://u:***@h:5432/d");
    EXPECT_EQ(masked_url("postgres://u@h:5432/d"), "postgres://u@h:5432/d");
    EXPECT_EQ(masked_url("postgres://h:5432/d"), "postgres://h:5432/d");
    EXPECT_EQ(masked_url("host=h password=secret dbname=d"), "host=h password=*** dbname=d");
    EXPECT_EQ(masked_url("host=h user=u"), "host=h user=u");
}

TEST(masked_url, hides_passwords_wherever_libpq_takes_one) {
    for (auto const url :
         {"postgres://u:sesame@h/d", "postgres://u:a:sesame@h/d", "postgres://u:a?sesame@h/d",
          "postgres://u:a@sesame@h/d", "postgres://u:a/sesame@h/d",
          "postgres://h/d?password=sesame", "postgres://h/d?a=b&sslpassword=sesame&c=d",
          "password=sesame", "password = 'a sesame'", "password='it\\'s sesame'",
          "password=a\\ sesame x=y", "password='never closed sesame",
          "user=u password=a password=sesame"}) {
        EXPECT_EQ(masked_url(url).find("sesame"), std::string::npos) << masked_url(url);
    }
}

RC_GTEST_PROP(masked_url, no_text_crashes_it, (std::string const& text)) {
    (void)masked_url(text);
    (void)masked_url("postgres://" + text);
    (void)masked_url("password=" + text);
    (void)parse_listen(text);
}

} // namespace
