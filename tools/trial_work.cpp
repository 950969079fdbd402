#include "tools/trial_work.h"

#include "proxy_tasks/data_files.h"
#include "results/patience.h"
#include "results/study.h"
#include "search/leases.h"
#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/outages.h"
#include "tools/progress_line.h"
#include "tools/score_candidate.h"
#include "tools/terminal.h"
#include "tools/worker_description.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

namespace normact::tools {
namespace {

using results::TrialStore;

/// As in a search: a thread that fails as often in a row does not fail because of the layers.
constexpr int most_failing_trials = 3;
constexpr double worst_value = 0;  // of any measure
/// How long a thread waits that finds all trials of a round in other hands.
constexpr std::chrono::milliseconds pause_for_others{1000};

/// A connection to the trials that waits for its database.
class PatientTrials {
  public:
    PatientTrials(std::string study, results::Patience patience)
        : study_(std::move(study)), calls_(std::move(patience)) {}

    /// Calls until the database is there; throws StoreUnavailable once a stop is requested.
    template <class Call>
    std::invoke_result_t<Call, TrialStore&> operator()(Call call) {
        const auto once = [&] {
            if (!trials_) trials_ = results::open_trials(study_);
            return call(*trials_);
        };
        return calls_(once, [this] { trials_.reset(); });  // its connection may be broken
    }

  private:
    std::string study_;
    results::PatientCalls calls_;
    std::unique_ptr<TrialStore> trials_;
};

/// The scorers of the conditions, made when they are needed. Each holds its data set, so only those in use are kept.
class Scorers {
  public:
    std::shared_ptr<const proxy_tasks::Scorer> of(const Condition& condition) {
        const std::scoped_lock lock(mutex_);
        std::weak_ptr<const proxy_tasks::Scorer>& kept = scorers_[condition.text];
        auto scorer = kept.lock();
        if (!scorer)
            kept = scorer = std::make_shared<const proxy_tasks::Scorer>(
                make_scorer(condition.configuration.scoring,
                            condition.on_test_images ? proxy_tasks::HeldOut::test : proxy_tasks::HeldOut::validation));
        latest_ = scorer;
        return scorer;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<const proxy_tasks::Scorer>> scorers_;
    std::shared_ptr<const proxy_tasks::Scorer> latest_;
};

/// A trial that a thread of this process holds.
struct Held {
    results::TrialName name;
    std::string what;
    double share = 0;  ///< of the training that is done
};

/// How long the open trainings will take on one thread: as long as others under the same condition did, or as others at
/// all; 0 if there are none.
double expected_seconds(const Plan& now, const KnownTrials& known) {
    struct Sum {
        double seconds = 0, count = 0;
        double mean() const { return count > 0 ? seconds / count : 0; }
    };
    std::map<std::string, Sum> of_condition;
    Sum of_all;
    for (const auto& [name, record] : known) {
        if (record.state != results::TrialRecord::State::finished) continue;
        for (Sum* const sum : {&of_condition[name.condition], &of_all}) {
            sum->seconds += record.seconds;
            sum->count += 1;
        }
    }
    double seconds = 0;
    for (const OpenTrial& open : now.open) {
        const auto found = of_condition.find(open.condition->text);
        seconds += found == of_condition.end() ? of_all.mean() : found->second.mean();
    }
    return seconds;
}

/// True for the first of an anchor's conditions that has its largest batch. Where that one can be scored, so can the
/// others: what is missing, or does not fit, is known before hours of training.
bool is_most_demanding(const Condition& condition, const std::vector<Condition>& conditions) {
    const auto first = std::ranges::max_element(
        conditions, {}, [&](const Condition& other) { return other.anchor == condition.anchor ? other.batch : 0; });
    return &*first == &condition;
}

/// What the threads of one process share.
class Trainer {
  public:
    Trainer(const Reevaluation& reevaluation, const TrialWork& how, const std::stop_token& stop)
        : reevaluation_(reevaluation),
          how_(how),
          forward_(stop, [this] { stop_.request_stop(); }),
          leases_(how.lease, [this](const auto& held, const auto& over) { renew(held, over); }) {
        for (const auto* const conditions : {&reevaluation.conditions, &reevaluation.test_conditions})
            for (const Condition& condition : *conditions)
                if (is_most_demanding(condition, *conditions)) scorers_.of(condition);
        const auto begin = [&] {
            store_ = results::open_study(how.study);
            worker_ = store_->add_worker(describe_worker(reevaluation.conditions.front().configuration.scoring.engine));
        };
        results::PatientCalls calls(patience_);
        calls(begin, [] {});
    }

    void run() {
        {
            ProgressLine line([this](Seconds elapsed) { return progress(elapsed); });
            std::vector<std::jthread> threads;
            for (int i = 0; i < how_.threads; ++i)
                threads.emplace_back([this, &line] { guard([this, &line] { work(line); }); });
        }
        leases_.end();
        if (!error_) {
            try {
                store_->end_worker(worker_);
            } catch (const results::StoreError&) {  // then it is seen by its silence
            }
            return;
        }
        std::rethrow_exception(error_);
    }

  private:
    /// The first error ends all threads.
    template <class Body>
    void guard(Body body) {
        try {
            body();
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            if (!error_) error_ = std::current_exception();
            stop_.request_stop();
        }
    }

    void work(ProgressLine& line) {
        PatientTrials trials(how_.study, patience_);
        int failures = 0;
        while (!stop_.stop_requested()) {
            const KnownTrials known = by_name(trials([](TrialStore& store) { return store.trials(); }));
            Plan now = plan(reevaluation_, known);
            note(now, known);
            if (now.open.empty()) return;
            // All threads are one worker to the store, which may take a lease for lost that one of them still works on.
            std::erase_if(now.open, [&](const OpenTrial& open) { return open.held || is_held_here(open.trial.name); });
            std::vector<results::Trial> wanted;
            for (const OpenTrial& open : now.open) wanted.push_back(open.trial);
            const auto claimed = trials(
                [&](TrialStore& store) { return store.claim(worker_, wanted, how_.lease, how_.maximum_attempts); });
            claimed ? train(now.open[*claimed], trials, line, failures)
                    : results::wait(pause_for_others, stop_.get_token());
        }
    }

    void train(const OpenTrial& open, PatientTrials& trials, ProgressLine& line, int& failures) {
        const results::TrialName& name = open.trial.name;
        const primitives::Layer& layer = reevaluation_.layers[open.layer].layer;
        const std::string what = fmt::format("{}, {}", layer.name, long_name(*open.condition));
        search::Leases<Held>::Hold hold(leases_, {name, what, 0});
        const auto tell_progress = [&hold](const proxy_tasks::Progress& progress) {
            hold.update(
                [&](Held& held) { held.share = static_cast<double>(progress.step) / std::max(1, progress.steps); });
        };
        try {
            const auto scorer = scorers_.of(*open.condition);
            const auto outcome = score_trial(*scorer, open.condition->configuration, layer, name.replicate,
                                             stop_.get_token(), tell_progress);
            const double measured = outcome.scores.at(0).accuracy;
            const double value = std::isfinite(measured) ? measured : worst_value;
            trials([&](TrialStore& store) { return store.finish(worker_, name, value, outcome.seconds); });
            failures = 0;
            line.print(fmt::format("{:>7}  {}, seed {}: {}{}", clock_text(line.elapsed()), what, name.replicate,
                                   accuracy_text(value), open.condition->on_test_images ? " on test images" : ""));
        } catch (const proxy_tasks::Stopped&) {
            trials([&](TrialStore& store) { store.release(worker_, name); });
        } catch (const results::StoreError&) {
            throw;
        } catch (const UsageError&) {  // data that is not there is not there for the next one either
            trials([&](TrialStore& store) { store.release(worker_, name); });
            throw;
        } catch (const proxy_tasks::DatasetError&) {
            trials([&](TrialStore& store) { store.release(worker_, name); });
            throw;
        } catch (const proxy_tasks::DeviceLost& error) {
            record_failure(trials, name, error.what());
            throw;
        } catch (const std::exception& error) {
            record_failure(trials, name, error.what());
            line.print(fmt::format("{:>7}  {}, seed {} failed: {}", clock_text(line.elapsed()), what, name.replicate,
                                   error.what()));
            if (++failures >= most_failing_trials * how_.maximum_attempts) throw;
        }
    }

    bool is_held_here(const results::TrialName& name) const {
        const auto held = leases_.held();
        return std::ranges::find(held, name, &Held::name) != held.end();
    }

    void record_failure(PatientTrials& trials, const results::TrialName& name, const char* reason) const {
        trials([&](TrialStore& store) { store.fail(worker_, name, reason); });
    }

    void renew(const std::list<Held>& held, const std::stop_token& over) {
        for (const auto& [name, what, share] : held) {
            if (over.stop_requested()) return;
            try {
                if (!renewals_) renewals_ = results::open_trials(how_.study);
                renewals_->renew(worker_, name, how_.lease);
            } catch (const results::StoreError&) {
                renewals_.reset();  // tried again at the next round
            }
        }
    }

    /// What the progress line tells.
    void note(const Plan& now, const KnownTrials& known) {
        const double seconds = expected_seconds(now, known);
        const std::scoped_lock lock(mutex_);
        missing_ = now.open.size();
        others_ = static_cast<std::size_t>(std::ranges::count(now.open, true, &OpenTrial::held));
        running_ = static_cast<std::size_t>(std::ranges::count(now.race.running, true));
        round_seeds_ = *std::ranges::max_element(now.race.seeds);
        on_test_images_ = now.on_test_images;
        mean_seconds_ = now.open.empty() ? 0 : seconds / static_cast<double>(now.open.size());
    }

    std::string progress(Seconds elapsed) {
        const std::list<Held> held = leases_.held();
        const std::scoped_lock lock(mutex_);
        double done = 0;
        for (const Held& one : held) done += one.share;
        const double left = std::max(0.0, static_cast<double>(missing_) - done);
        std::string text = clock_text(elapsed);
        if (mean_seconds_ > 0) {
            const auto at_once = static_cast<double>(std::max({others_, held.size(), std::size_t{1}}));
            text += fmt::format(", {} left of this round", clock_text(Seconds(left * mean_seconds_ / at_once)));
        }
        text += on_test_images_
                    ? fmt::format(" · test images: {} layers", running_)
                    : fmt::format(" · {} layers, {} of up to {} seeds", running_, round_seeds_, reevaluation_.seeds);
        const double whole = std::ceil(left);
        text += fmt::format(", {:.0f} {} to do", whole, whole == 1 ? "training" : "trainings");
        if (!held.empty()) text += fmt::format(" · {}", held.front().what);
        return text;
    }

    const Reevaluation& reevaluation_;
    const TrialWork& how_;
    std::unique_ptr<results::Store> store_;
    results::WorkerId worker_ = 0;
    Scorers scorers_;
    std::stop_source stop_;
    const results::Patience patience_ = patience(stop_.get_token(), "what is finished meanwhile is recorded then");
    std::unique_ptr<TrialStore> renewals_;  ///< of the renewing thread alone
    std::mutex mutex_;                      ///< of all below but the leases
    std::size_t missing_ = 0, others_ = 0, running_ = 0;
    int round_seeds_ = 0;
    bool on_test_images_ = false;
    double mean_seconds_ = 0;
    std::exception_ptr error_;
    std::stop_callback<std::function<void()>> forward_;
    search::Leases<Held> leases_;  // last, so that it ends before what it uses
};

}  // namespace

void work(const Reevaluation& reevaluation, const TrialWork& how, const std::stop_token& stop) {
    Trainer(reevaluation, how, stop).run();
}

}  // namespace normact::tools
