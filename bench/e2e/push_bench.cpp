#include "bench/e2e/push_bench.hpp"

#include "bench/e2e/http_client.hpp"
#include "bench/e2e/measurement.hpp"
#include "bench/e2e/totals.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <future>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace tally::bench {
namespace {

using std::chrono::milliseconds;

/// The measurements of one connection.
struct pusher_report {
    std::vector<double> answer_s; ///< from the request to its acknowledgment
    std::uint64_t refused = 0;    ///< 503, sent again
};

std::vector<std::string> read_bodies(std::filesystem::path const& file, std::uint64_t records) {
    std::ifstream input{file, std::ios::binary};
    std::vector<std::string> bodies;
    std::uint64_t in_body = records;
    for (std::string line; std::getline(input, line); ++in_body) {
        if (in_body == records) {
            bodies.emplace_back();
            in_body = 0;
        }
        bodies.back() += line + '\n';
    }
    return bodies;
}

/// `tallyd run` on ports of its own, ready to take records of every subscription.
class running_daemon {
  public:
    explicit running_daemon(test_bed& bed) : process_{order(bed)} {
        auto const known =
            "\"subscriptions\":" + std::to_string(bed.options().catalog.subscriptions);
        for (int tries = 0; tries < 600; ++tries) {
            if (!process_.is_running()) {
                process_.wait();
                throw std::runtime_error{"tallyd run ended at once"};
            }
            if (status().find(known) != std::string::npos) {
                return;
            }
            std::this_thread::sleep_for(milliseconds{100});
        }
        throw std::runtime_error{"tallyd run did not become ready"};
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    process_cost stop() { return process_.stop(); }

  private:
    tallyd_process::order order(test_bed& bed) {
        auto command = bed.order({"run"});
        command.environment.push_back("TALLYD_HTTP_LISTEN=127.0.0.1:" + std::to_string(port_));
        command.environment.push_back("TALLYD_ADMIN_LISTEN=127.0.0.1:" +
                                      std::to_string(admin_port_));
        return command;
    }
    /// Empty as long as the daemon does not listen.
    [[nodiscard]] std::string status() const {
        try {
            return http_client{admin_port_}.get("/status").body;
        } catch (std::exception const&) {
            return {};
        }
    }

    std::uint16_t port_ = free_port();
    std::uint16_t admin_port_ = free_port();
    tallyd_process process_;
};

/// The state that the connections share.
struct push_work {
    std::uint16_t port;
    std::vector<std::string> const& bodies;
    double pushes_per_s;
    double began_s = now_s();
    std::atomic<std::size_t> next{0};

    /// Waits until push number `index` is due and returns the time at which it was due.
    [[nodiscard]] double wait_for_turn(std::size_t index) const {
        double const now = now_s();
        if (pushes_per_s <= 0) {
            return now;
        }
        double const due_s = began_s + static_cast<double>(index) / pushes_per_s;
        if (due_s > now) {
            std::this_thread::sleep_for(std::chrono::duration<double>{due_s - now});
        }
        return due_s;
    }
};

pusher_report push_bodies(push_work& work) {
    auto const& bodies = work.bodies;
    pusher_report seen;
    http_client client{work.port};
    for (std::size_t index = work.next++; index < bodies.size(); index = work.next++) {
        double const began_s = work.wait_for_turn(index);

        // 503 means that the daemon has no room; a sender tries again, and the time goes on.
        auto answer = client.post("/v1/cdrs", "application/x-ndjson", bodies[index]);
        while (answer.status == 503) {
            ++seen.refused;
            std::this_thread::sleep_for(milliseconds{20});
            answer = client.post("/v1/cdrs", "application/x-ndjson", bodies[index]);
        }

        if (answer.status != 202) {
            throw std::runtime_error{"a push was answered " + std::to_string(answer.status) + ": " +
                                     answer.body};
        }
        seen.answer_s.push_back(now_s() - began_s);
    }
    return seen;
}

pusher_report push_all(push_work& work, unsigned connections) {
    std::vector<std::future<pusher_report>> pushers;
    for (unsigned i = 0; i < connections; ++i) {
        pushers.push_back(std::async(std::launch::async, [&] { return push_bodies(work); }));
    }
    pusher_report all;
    for (auto& pusher : pushers) {
        auto const seen = pusher.get();
        all.answer_s.insert(all.answer_s.end(), seen.answer_s.begin(), seen.answer_s.end());
        all.refused += seen.refused;
    }
    return all;
}

/// Of sorted times, in milliseconds.
double percentile_ms(std::vector<double> const& times_s, std::size_t percent) {
    return times_s[(times_s.size() - 1) * percent / 100] * 1e3;
}

void print(pusher_report& report) {
    auto& times = report.answer_s;
    std::sort(times.begin(), times.end());
    auto const percentile = [&](std::size_t percent) {
        return fixed(percentile_ms(times, percent), 1) + " ms";
    };
    std::cout << "  " << times.size() << " pushes, acknowledged after " << percentile(50)
              << " (median), " << percentile(99) << " (99 %), " << percentile(100) << " (longest); "
              << report.refused << " sent again after 503" << std::endl;
}

} // namespace

json_report bench_push(test_bed& bed, push_options const& options) {
    print_head(bed);
    auto const bodies = read_bodies(bed.calls_file(), options.records_per_push);
    std::cout << "pushes    " << options.records_per_push << " records each over "
              << options.connections << " connections, acknowledged when durable" << std::endl;

    auto const records = bed.options().calls.records;
    comparison seen{"HTTP push", static_cast<double>(records)};
    std::vector<double> medians_ms;
    std::vector<double> last_percents_ms;
    for (int run = 0; run < bed.options().runs; ++run) {
        bed.renew_database();
        running_daemon daemon{bed};
        server_meter meter{bed};

        // The time ends with the last acknowledgment. The daemon then stops, after which every
        // record is in PostgreSQL and can be checked.
        push_work work{daemon.port(), bodies, options.pushes_per_s};
        auto report = push_all(work, options.connections);
        measurement pushed;
        pushed.wall_s = now_s() - work.began_s;
        process_cost const cost = daemon.stop();
        pushed.client_cpu_s = cost.user_s + cost.system_s;
        pushed.memory_max_kb = cost.memory_max_kb;
        meter.read(pushed);

        database_link link{bed.connection_string()};
        auto const sum = check_totals(link, records);
        seen.add(pushed, measure_plain_copy(bed, sum), sum);
        print(report);
        medians_ms.push_back(percentile_ms(report.answer_s, 50));
        last_percents_ms.push_back(percentile_ms(report.answer_s, 99));
    }
    seen.print_medians();

    auto report = begin_report(bed);
    seen.add_medians(report);
    report.add("batch", static_cast<double>(options.records_per_push));
    report.add("connections", options.connections);
    report.add("acknowledged_ms", median(medians_ms));
    report.add("acknowledged_99_ms", median(last_percents_ms));
    return report;
}

} // namespace tally::bench
