// How a study stands many workers: the search's real loop on the real store, but for the training, which sleeps.
//
//     simulated_workers PLACE [STORED [WORKERS [TRAINING_MS [SECONDS]]]]
//
// Makes a study at the place with so many candidates stored, a tenth of them scored, or goes on with the one that is
// there. A worker is a thread with the connections of a process of its own. Prints how many evaluations a minute there
// were, and how long a worker was between two of them: record a result, read new scores, propose, claim.

#include "bench/arguments.h"
#include "primitives/hash.h"
#include "primitives/json.h"
#include "primitives/text.h"
#include "results/postgresql.h"
#include "results/rows.h"
#include "results/sqlite.h"
#include "results/study.h"
#include "search/worker.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

namespace {

using namespace normact;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

/// Half of a search's candidates are invalid, a fifth duplicates; of what is evaluated a third is scored here.
void fill(soci::session& sql, const results::Dialect& dialect, int stored) {
    const std::string graph = results::graph_column(primitives::parse_text("x*sigmoid(v1*x)/std_group(x)"));
    const std::string n = std::to_string(stored);
    const std::string numbers =
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < " + n + ") ";
    sql << "INSERT INTO worker (host, process, device, engine, build, started) VALUES ('filler', 1, 'cpu', 'cpu', '0', "
           "0)";
    const std::string digits = "SUBSTR('00000000000000000000000000000000' || n, LENGTH('' || n) + 1, 32)";
    sql << "INSERT INTO candidate (id, fingerprint, hash, graph, origin, invalid, proposer, position) " + numbers +
               "SELECT n, " + digits + ", " + digits + ", '" + graph +
               "', 'random', CASE WHEN n % 10 < 5 THEN 'not finite' END, 1, CASE WHEN n % 10 = 9 THEN n / 10 + 1 END "
               "FROM numbers";
    sql << "INSERT INTO evaluation (fingerprint, candidate, candidates, state, attempts, worker, lease_until, "
           "rejection, reason,"
           " seconds, mean_accuracy, finished) " +
               numbers + "SELECT " + digits +
               ", n, 1, CASE WHEN n % 10 = 9 THEN 'scored' ELSE 'rejected' END, 1, 1, 0,"
               " CASE WHEN n % 10 = 9 THEN 'none' ELSE 'quality' END, '', 1, CASE WHEN n % 10 = 9 THEN 0.1 + n * 1e-8 "
               "END, n * 1.0"
               " FROM numbers WHERE n % 10 >= 5";
    for (const char* task : {"test/a", "test/b", "test/c"})
        sql << "INSERT INTO score (fingerprint, task, replicate, accuracy, seconds, worker) " + numbers + "SELECT " +
                   digits + ", '" + std::string(task) + "', 0, 0.1 + n * 1e-8, 1, 1 FROM numbers WHERE n % 10 = 9";
    sql << "UPDATE funnel SET proposed = (SELECT COUNT(*) FROM candidate), invalid = (SELECT COUNT(invalid) FROM "
           "candidate),"
           " scored = (SELECT COUNT(position) FROM candidate), last_position = (SELECT COUNT(position) FROM candidate),"
           " quality = (SELECT COUNT(*) FROM evaluation WHERE state = 'rejected')";
    for (const char* table : {"worker", "candidate", "score"})
        for (const std::string& statement : dialect.number_behind(table)) sql << statement;
}

void make(const std::string& place, const search::Configuration& configuration, int stored) {
    const results::Fill filled = [&](soci::session& sql, const results::Dialect& dialect) {
        results::configured(search::to_json(configuration))(sql, dialect);
        fill(sql, dialect, stored);
    };
    results::is_in_postgresql(place) ? results::create_postgresql_study(place, filled)
                                     : results::create_sqlite_study(place, filled);
}

search::Configuration configuration() {
    search::Configuration configuration;
    configuration.scoring.dataset.name = "test";
    configuration.scoring.anchors = {"a", "b", "c"};
    configuration.budget = {};
    return configuration;
}

/// What all simulated workers measured.
struct Measured {
    std::mutex mutex;
    std::vector<double> between;  ///< ms from the end of an evaluation to the beginning of the next
};

void work(const std::string& place, int number, int training_ms, const std::stop_token& stop, Measured& measured) {
    std::minstd_rand generator(static_cast<unsigned>(number) + 1);
    std::optional<Clock::time_point> ended;
    const auto train = [&](const search::Assignment& assignment, const std::stop_token&) {
        const auto began = Clock::now();
        if (ended) {
            const std::scoped_lock lock(measured.mutex);
            measured.between.push_back(Milliseconds(began - *ended).count());
        }
        const double lasts = std::uniform_real_distribution<double>(0.5, 1.5)(generator) * training_ms;
        std::this_thread::sleep_for(Milliseconds(lasts));
        proxy_tasks::Outcome outcome;
        outcome.seconds = lasts / 1e3;
        if (generator() % 3 != 0) {
            outcome.rejection = proxy_tasks::Rejection::quality;
        } else {
            const double accuracy =
                static_cast<double>(primitives::hash(assignment.candidate.graph).low >> 11) * 0x1p-53;
            for (const char* task : {"test/a", "test/b", "test/c"}) outcome.scores.push_back({task, 0, accuracy, 1});
        }
        ended = Clock::now();
        return outcome;
    };
    const auto open = [&] { return results::open_study(place); };
    search::work(configuration(), open, {"simulated", number, "cpu", "cpu", "0"}, 1, train, stop, {});
}

double quantile(const std::vector<double>& sorted, double share) {
    return sorted.at(static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1)));
}

int run(int count, char** words) {
    const std::string place = words[1];
    const int stored = bench::number(count, words, 2, 1000), workers = bench::number(count, words, 3, 50),
              training_ms = bench::number(count, words, 4, 3000), seconds = bench::number(count, words, 5, 60);
    if (!results::study_exists(place)) make(place, configuration(), stored);
    const auto before = results::open_study(place)->funnel();
    Measured measured;
    const auto start = Clock::now();
    {
        std::vector<std::jthread> threads;
        threads.reserve(static_cast<std::size_t>(workers));
        for (int number = 0; number < workers; ++number)
            threads.emplace_back([&, number](const std::stop_token& stop) {
                try {
                    work(place, number, training_ms, stop, measured);
                } catch (const std::exception& error) {
                    std::fprintf(stderr, "worker %d: %s\n", number, error.what());
                }
            });
        std::this_thread::sleep_for(std::chrono::seconds(seconds));
    }
    const double minutes = std::chrono::duration<double, std::ratio<60>>(Clock::now() - start).count();
    const auto after = results::open_study(place)->funnel();
    std::ranges::sort(measured.between);
    if (measured.between.empty()) return 1;
    std::printf(
        "%lld candidates stored, %d workers: %.0f evaluations and %.0f proposals a minute; between two evaluations p50 "
        "%.1f ms, p99 %.1f ms, most %.0f ms\n",
        static_cast<long long>(before.proposed), workers, static_cast<double>(measured.between.size()) / minutes,
        static_cast<double>(after.proposed - before.proposed) / minutes, quantile(measured.between, 0.5),
        quantile(measured.between, 0.99), measured.between.back());
    return 0;
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
