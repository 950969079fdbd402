// How a study stands many workers: the search's real loop on the real store, but for the training, which sleeps.
//
//     simulated_workers PLACE [STORED [WORKERS [TRAINING_MS [SECONDS]]]]
//
// Makes a study at the place with so many candidates stored, a tenth of them scored, or goes on with the one that is
// there. A worker is a thread with the connections of a process of its own. Prints a row of a table: candidates stored,
// workers, evaluations and proposals a minute; milliseconds (median / 99 of 100 / most) of a proposal with the reading
// of what is new and the claim, of recording an outcome, and from one evaluation to the next; megabytes of the
// database.

#include "bench/arguments.h"
#include "primitives/hash.h"
#include "proxy_tasks/scorer.h"
#include "results/large_study.h"
#include "results/postgresql.h"
#include "results/sqlite.h"
#include "results/study.h"
#include "search/worker.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace normact;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

void make(const std::string& place, const search::Configuration& configuration, int stored) {
    const results::Fill filled = [&](soci::session& sql, const results::Dialect& dialect) {
        results::configured(search::to_json(configuration))(sql, dialect);
        results::fill_with_candidates(sql, dialect, stored);
    };
    if (!results::is_in_postgresql(place)) {
        results::create_sqlite_study(place, filled);
        return;
    }
    results::create_postgresql_study(place, filled);
    *results::connect_postgresql(results::parse_postgresql_place(place)) << "VACUUM ANALYZE";  // as it has it by and by
}

search::Configuration configuration() {
    search::Configuration configuration;
    configuration.scoring.dataset.name = "test";
    configuration.scoring.anchors = {"a", "b", "c"};
    configuration.budget = {};
    return configuration;
}

/// Milliseconds that all simulated workers measured.
struct Measured {
    std::mutex mutex;
    std::vector<double> record;   ///< an outcome, until the study has it
    std::vector<double> propose;  ///< from there, or from one proposal, to the next one's answer: claimed or not
    std::vector<double> idle;     ///< from the end of an evaluation to the beginning of the next

    void add(std::vector<double>& values, Clock::duration time) {
        const std::scoped_lock lock(mutex);
        if (begun) values.push_back(Milliseconds(time).count());
    }
    std::atomic<int> deaths = 0;
    std::atomic<bool> begun = false;  ///< the workers are all there
};

/// One worker's life.
class Simulated {
  public:
    Simulated(int number, int training_ms, Measured& measured)
        : number_(number),
          training_ms_(training_ms),
          measured_(measured),
          generator_(static_cast<unsigned>(number) + 1) {}

    void work(const std::string& place, const std::stop_token& stop) {
        const auto train = [this, &stop](const search::Assignment& assignment, const std::stop_token&) {
            return evaluate(assignment, stop);
        };
        const auto open = [&] { return results::open_study(place); };
        search::work(configuration(), open, {"simulated", number_, "cpu", "cpu", "0"}, 1, train, stop,
                     {.report = [this](const search::Event& event) { note(event); }});
    }

  private:
    proxy_tasks::Outcome evaluate(const search::Assignment& assignment, const std::stop_token& stop) {
        if (ended_) measured_.add(measured_.idle, Clock::now() - *ended_);
        const double lasts = std::uniform_real_distribution<double>(0.5, 1.5)(generator_) * training_ms_;
        for (const auto end = Clock::now() + Milliseconds(lasts); Clock::now() < end;) {
            if (stop.stop_requested()) throw proxy_tasks::Stopped();
            std::this_thread::sleep_for(std::min(Milliseconds(end - Clock::now()), Milliseconds(100)));
        }
        proxy_tasks::Outcome outcome;
        outcome.seconds = lasts / 1e3;
        if (generator_() % 3 != 0) {
            outcome.rejection = proxy_tasks::Rejection::quality;
        } else {
            const double accuracy =
                static_cast<double>(primitives::hash(assignment.candidate.graph).low >> 11) * 0x1p-53;
            for (const char* task : {"test/a", "test/b", "test/c"}) outcome.scores.push_back({task, 0, accuracy, 1});
        }
        ended_ = last_ = Clock::now();
        return outcome;
    }

    void note(const search::Event& event) {
        using Kind = search::Event::Kind;
        const auto now = Clock::now();
        const bool result = event.kind == Kind::scored || event.kind == Kind::rejected || event.kind == Kind::late;
        if (last_) measured_.add(result ? measured_.record : measured_.propose, now - *last_);
        last_ = now;
    }

    int number_, training_ms_;
    Measured& measured_;
    std::minstd_rand generator_;
    std::optional<Clock::time_point> ended_, last_;
};

std::string quantiles(std::vector<double> values) {
    if (values.empty()) return "-";
    std::ranges::sort(values);
    const auto at = [&](double share) {
        return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
    };
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%.1f / %.1f / %.0f", at(0.5), at(0.99), values.back());
    return text.data();
}

/// Bytes of a study's tables and indices; 0 for a file.
long long bytes_of(const std::string& place) {
    if (!results::is_in_postgresql(place)) return 0;
    const results::PostgresqlPlace parsed = results::parse_postgresql_place(place);
    long long bytes = 0;
    *results::connect_postgresql(parsed)
        << "SELECT SUM(pg_total_relation_size(c.oid))::bigint FROM pg_class AS c JOIN pg_namespace AS n ON n.oid ="
           " c.relnamespace WHERE n.nspname = :schema AND c.relkind = 'r'",
        soci::use(parsed.schema), soci::into(bytes);
    return bytes;
}

int run(int count, char** words) {
    const std::string place = words[1];
    const int stored = bench::number(count, words, 2, 1000), workers = bench::number(count, words, 3, 50),
              training_ms = bench::number(count, words, 4, 3000), seconds = bench::number(count, words, 5, 60);
    if (!results::study_exists(place)) make(place, configuration(), stored);
    Measured measured;
    results::Funnel before, after;
    {
        std::vector<std::jthread> threads;
        threads.reserve(static_cast<std::size_t>(workers));
        for (int number = 0; number < workers; ++number)
            threads.emplace_back([&, number](const std::stop_token& stop) {
                try {
                    Simulated(number, training_ms, measured).work(place, stop);
                } catch (const std::exception& error) {
                    std::fprintf(stderr, "worker %d: %s\n", number, error.what());
                    ++measured.deaths;
                }
            });
        // Until all have come and are out of step.
        std::this_thread::sleep_for(Milliseconds(2 * training_ms) + std::chrono::seconds(5));
        const auto store = results::open_study(place);
        before = store->funnel();
        measured.begun = true;
        std::this_thread::sleep_for(std::chrono::seconds(seconds));
        measured.begun = false;
        after = store->funnel();
        for (auto& thread : threads) thread.request_stop();
    }
    const double minutes = seconds / 60.0;
    std::printf("| %lld | %d | %.0f | %.0f | %s | %s | %s | %.0f |\n", static_cast<long long>(before.proposed), workers,
                static_cast<double>(measured.idle.size()) / minutes,
                static_cast<double>(after.proposed - before.proposed) / minutes, quantiles(measured.propose).c_str(),
                quantiles(measured.record).c_str(), quantiles(measured.idle).c_str(),
                static_cast<double>(bytes_of(place)) / 1e6);
    return measured.deaths > 0 ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
    if (count < 2) {
        std::fprintf(stderr, "usage: %s PLACE [STORED [WORKERS [TRAINING_MS [SECONDS]]]]\n", words[0]);
        return 2;
    }
    try {
        return run(count, words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", words[0], error.what());
        return 1;
    }
}
