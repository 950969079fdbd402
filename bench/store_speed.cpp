// How many candidates a second one process can record in a SQLite study, and what it costs that scores survive a power
// loss (durable, as studies do it) instead of kill -9 alone (relaxed).

#include "primitives/text.h"
#include "results/sql_store.h"
#include "results/sqlite.h"
#include "results/study.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

namespace {

using namespace normact::results;
namespace fs = std::filesystem;

/// A study in a folder of its own: $NORMACT_BENCH_FOLDER or the system's for temporary files.
class Study {
  public:
    explicit Study(bool durable) {
        const char* chosen = std::getenv("NORMACT_BENCH_FOLDER");
        folder_ = (chosen != nullptr ? fs::path(chosen) : fs::temp_directory_path()) / "normact-store-speed";
        fs::remove_all(folder_);
        fs::create_directories(folder_);
        const auto path = (folder_ / "study").string();
        create_study(path, "{}");
        auto session = connect_sqlite(path);
        auto dialect = sqlite_dialect();
        if (!durable) dialect.write_surely = dialect.write;
        store_ = make_sql_store(std::move(session), dialect, path);
        worker_ = store_->add_worker({"host", 1, "cpu", "aten", "0"});
        proposal_.graph = normact::primitives::parse_text("x*sigmoid(v1*x)/std_group(x)");
    }
    ~Study() {
        store_.reset();
        fs::remove_all(folder_);
    }
    Study(const Study&) = delete;
    Study& operator=(const Study&) = delete;

    void propose(std::uint64_t function) {
        proposal_.hash = proposal_.fingerprint = {1, function};
        store_->propose(worker_, proposal_, std::chrono::seconds(600));
    }
    void finish(std::uint64_t function) {
        const double accuracy = 1.0 / static_cast<double>(function + 1);
        store_->finish(worker_, {1, function},
                       {.rejection = {}, .reason = "", .scores = {{"a", 0, accuracy, 1}, {"b", 0, accuracy, 1}}});
    }
    Store& store() { return *store_; }

  private:
    fs::path folder_;
    std::unique_ptr<Store> store_;
    WorkerId worker_ = 0;
    Proposal proposal_;
};

void propose_and_finish(benchmark::State& state, bool durable) {
    Study study(durable);
    std::uint64_t function = 0;
    while (state.KeepRunning()) {
        study.propose(function);
        study.finish(function++);
    }
    state.SetItemsProcessed(state.iterations());
}

void propose_duplicates(benchmark::State& state) {
    Study study(true);
    study.propose(0);
    study.finish(0);
    while (state.KeepRunning()) study.propose(0);
    state.SetItemsProcessed(state.iterations());
}

/// The same after as many candidates as the argument says.
void propose_and_finish_in_a_large_study(benchmark::State& state) {
    Study study(false);
    std::uint64_t function = 0;
    for (; std::cmp_less(function, state.range(0)); ++function) {
        study.propose(function);
        study.finish(function);
    }
    while (state.KeepRunning()) {
        study.propose(function);
        study.finish(function++);
    }
    state.SetItemsProcessed(state.iterations());
}

void read_the_newest_hundred(benchmark::State& state) {
    Study study(false);
    for (std::uint64_t function = 0; function < 5000; ++function) {
        study.propose(function);
        study.finish(function);
    }
    std::int64_t position = 0;
    while (state.KeepRunning()) benchmark::DoNotOptimize(study.store().scored_since(4900, 100, position));
    state.SetItemsProcessed(100 * state.iterations());
}

BENCHMARK_CAPTURE(propose_and_finish, relaxed, false)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK_CAPTURE(propose_and_finish, durable, true)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(propose_duplicates)->Unit(benchmark::kMicrosecond)->UseRealTime();
BENCHMARK(propose_and_finish_in_a_large_study)
    ->Arg(100)
    ->Arg(100'000)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime()
    ->Iterations(3000);
BENCHMARK(read_the_newest_hundred)->Unit(benchmark::kMicrosecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
