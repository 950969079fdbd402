#include "search/worker.h"

#include "proxy_tasks/scorer.h"
#include "results/patience.h"
#include "search/claims.h"
#include "search/proposer.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace normact::search {
namespace {

using results::Candidate;
using results::Store;
using Open = std::function<std::unique_ptr<Store>()>;

/// A thread that fails as often in a row as so many layers have attempts does not fail because of the layers.
constexpr int most_failing_layers = 3;

/// What the threads of one worker share.
class Search {
  public:
    Search(const Configuration& configuration, const Open& open, const results::Worker& worker,
           const Evaluate& evaluate, const std::stop_token& stop, const Log& log)
        : Search(configuration, open, open(), worker, evaluate, stop, log) {}

    /// Runs the threads and, beside them, the clock. Returns true if the budget was reached.
    bool run(int threads) {
        const std::jthread clock([this](const std::stop_token& over) { watch_the_clock(over); });
        // More threads than cores are the caller's choice; oneTBB alone would not start them.
        const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism,
                                          static_cast<std::size_t>(threads));
        tbb::task_arena arena(threads);
        arena.execute([&] {
            tbb::parallel_for(
                0, threads, [this](int) { guard([this] { work(); }); }, tbb::simple_partitioner{});
        });
        claims_.end();
        if (error_) std::rethrow_exception(error_);
        return budget_reached_;
    }

  private:
    Search(const Configuration& configuration, const Open& open, std::unique_ptr<Store> store,
           const results::Worker& worker, const Evaluate& evaluate, const std::stop_token& stop, const Log& log)
        : configuration_(configuration),
          open_(open),
          evaluate_(evaluate),
          log_(log),
          worker_(store->add_worker(worker)),
          proposer_(configuration, worker_, store->funnel()),
          claims_(std::move(store), worker_, std::chrono::seconds(configuration.lease_seconds), log.tail),
          forward_(stop, [this] { stop_.request_stop(); }) {}

    void watch_the_clock(const std::stop_token& over) {
        if (configuration_.budget.minutes <= 0) return;
        const std::chrono::duration<double, std::ratio<60>> allowed(configuration_.budget.minutes);
        results::wait(std::chrono::duration_cast<std::chrono::milliseconds>(allowed), over);
        if (!over.stop_requested()) end_in_time();
    }

    void end_in_time() {
        budget_reached_ = true;
        stop_.request_stop();
    }

    /// The first error ends all threads.
    template <typename Body>
    void guard(Body&& body) {
        try {
            body();
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            if (!error_) error_ = std::current_exception();
            stop_.request_stop();
        }
    }

    void work() {
        const std::unique_ptr<Store> store = open_();
        const std::function<void(const Event&)> tell_all = [this](const Event& event) { tell(event); };
        int failures = 0;  // in a row, and of this thread: what befalls all threads at once befalls each of them once
        while (auto assignment = proposer_.next(*store, stop_.get_token(), tell_all)) {
            evaluate(*store, std::move(*assignment), failures);
        }
        if (!stop_.stop_requested()) end_in_time();
    }

    void evaluate(Store& store, Assignment assignment, int& failures) {
        Candidate& candidate = assignment.candidate;
        Claims::Hold hold(claims_, candidate.fingerprint);
        assignment.tell = [&hold](const proxy_tasks::Progress& progress) { hold.set(progress); };
        const primitives::Hash128 fingerprint = candidate.fingerprint;
        try {
            // Isolated: waiting for work of its own, an evaluation must not take up another thread's loop.
            tbb::this_task_arena::isolate([&] { candidate.outcome = evaluate_(assignment, stop_.get_token()); });
        } catch (const proxy_tasks::DeviceLost& error) {
            device_lost_ = true;
            stop_.request_stop();
            record_failure(store, candidate, error);
            throw;
        } catch (const proxy_tasks::Stopped& stopped) {
            device_lost_ ? record_failure(store, candidate, stopped) : store.release(worker_, fingerprint);
            return;
        } catch (const std::exception& error) {
            record_failure(store, candidate, error);
            if (++failures >= most_failing_layers * configuration_.maximum_attempts) throw;
            return;
        }
        failures = 0;
        if (!finish(store, candidate)) {
            tell({Event::Kind::late, store.find(candidate.id).value()});
            return;
        }
        const bool scored = candidate.outcome.rejection == proxy_tasks::Rejection::none;
        candidate.state = scored ? Candidate::State::scored : Candidate::State::rejected;
        tell({scored ? Event::Kind::scored : Event::Kind::rejected, candidate});
    }

    /// Others evaluate what a refused worker may not record.
    bool finish(Store& store, const Candidate& candidate) const {
        try {
            return store.finish(worker_, candidate.fingerprint, candidate.outcome);
        } catch (const results::WorkerRefused&) {
            store.release(worker_, candidate.fingerprint);
            throw;
        }
    }

    void record_failure(Store& store, Candidate& candidate, const std::exception& error) {
        candidate.outcome.reason =
            device_lost_ ? std::string("the device was lost during this evaluation or one beside it: ") + error.what()
                         : error.what();
        store.fail(worker_, candidate.fingerprint, candidate.outcome.reason, log_.tail ? log_.tail() : "");
        tell({Event::Kind::failed, candidate});
    }

    void tell(const Event& event) {
        const std::scoped_lock lock(mutex_);
        if (log_.report) log_.report(event);
    }

    const Configuration& configuration_;
    const Open& open_;
    const Evaluate& evaluate_;
    const Log& log_;
    results::WorkerId worker_;
    Proposer proposer_;
    Claims claims_;
    std::atomic<bool> budget_reached_ = false;
    std::atomic<bool> device_lost_ = false;
    std::mutex mutex_;  // of error_ and of calls to log_.report
    std::exception_ptr error_;
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> forward_;
};

}  // namespace

bool work(const Configuration& configuration, const std::function<std::unique_ptr<results::Store>()>& open,
          const results::Worker& worker, int threads, const Evaluate& evaluate, const std::stop_token& stop,
          const Log& log) {
    return Search(configuration, open, worker, evaluate, stop, log).run(threads);
}

}  // namespace normact::search
