#include "results/patient_store.h"

#include <optional>
#include <type_traits>
#include <utility>

namespace normact::results {
namespace {

class PatientStore final : public Store {
  public:
    PatientStore(std::function<std::unique_ptr<Store>()> open, Patience patience,
                 std::shared_ptr<const Undelivered> undelivered)
        : open_(std::move(open)), calls_(std::move(patience)), undelivered_(std::move(undelivered)) {}

    std::string configuration() override { return patiently(&Store::configuration); }
    std::string identity() override { return patiently(&Store::identity); }
    WorkerId add_worker(const Worker& worker) override { return patiently(&Store::add_worker, worker); }
    Admission propose(WorkerId worker, const Proposal& proposal, std::chrono::seconds lease) override {
        return patiently(&Store::propose, worker, proposal, lease);
    }
    std::optional<Claim> reclaim(WorkerId worker, std::chrono::seconds lease, int maximum_attempts) override {
        return patiently(&Store::reclaim, worker, lease, maximum_attempts);
    }
    /// Does not wait: the next renewal comes by itself.
    bool renew(WorkerId worker, const primitives::Hash128& fingerprint, std::chrono::seconds lease,
               const proxy_tasks::Progress& progress) override {
        return once([&](Store& store) { return store.renew(worker, fingerprint, lease, progress); });
    }
    /// Does not wait: a worker that is to end must not hang, and leases run out by themselves.
    void release(WorkerId worker, const primitives::Hash128& fingerprint) override {
        at_most_twice([&](Store& store) { store.release(worker, fingerprint); });
    }
    bool finish(WorkerId worker, const primitives::Hash128& fingerprint, const proxy_tasks::Outcome& outcome) override {
        std::optional<Undelivered::Letter> letter;
        bool warned = false;
        const auto keep = [&] {
            if (letter || !undelivered_) return;
            try {
                letter = undelivered_->keep(worker, fingerprint, outcome);
            } catch (const StoreError& error) {  // a full disk: it is still in memory, and tried again
                if (!std::exchange(warned, true) && calls_.patience().warn) calls_.patience().warn(error.what());
            }
        };
        const auto finish_or_keep = [&](Store& store) {
            try {
                return store.finish(worker, fingerprint, outcome);
            } catch (const WorkerRefused&) {
                throw;
            } catch (const StoreError&) {  // whatever is wrong may be mended: hours of training are in it
                keep();
                throw;
            }
        };
        const bool first = waiting_for(finish_or_keep, keep);
        if (letter) Undelivered::remove(*letter);
        return first;
    }
    void fail(WorkerId worker, const primitives::Hash128& fingerprint, const std::string& reason,
              const std::string& log) override {
        patiently(&Store::fail, worker, fingerprint, reason, log);
    }
    /// Does not wait: the next one comes by itself.
    void keep_log(WorkerId worker, const std::string& tail) override {
        once([&](Store& store) { store.keep_log(worker, tail); });
    }
    std::vector<Candidate> scored_since(std::int64_t after, int limit, std::int64_t& position) override {
        return waiting_for([&](Store& store) { return store.scored_since(after, limit, position); }, [] {});
    }
    std::vector<Candidate> best(int count) override { return patiently(&Store::best, count); }
    std::optional<double> accuracy_at_rank(std::int64_t rank) override {
        return patiently(&Store::accuracy_at_rank, rank);
    }
    std::vector<Audit> audits() override { return patiently(&Store::audits); }
    std::optional<Candidate> find(CandidateId id) override { return patiently(&Store::find, id); }
    std::vector<Candidate> candidates_after(CandidateId id, int count) override {
        return patiently(&Store::candidates_after, id, count);
    }
    std::optional<Worker> evaluated_by(const primitives::Hash128& fingerprint) override {
        return patiently(&Store::evaluated_by, fingerprint);
    }
    Funnel funnel() override { return patiently(&Store::funnel); }
    void end_worker(WorkerId worker) override {
        at_most_twice([&](Store& store) { store.end_worker(worker); });
    }
    std::vector<WorkerStatus> workers(std::chrono::seconds seen_within) override {
        return patiently(&Store::workers, seen_within);
    }
    std::int64_t finished_within(std::chrono::seconds window) override {
        return patiently(&Store::finished_within, window);
    }
    std::vector<Candidate> quarantined(int count) override { return patiently(&Store::quarantined, count); }
    std::int64_t retry_quarantined() override { return patiently(&Store::retry_quarantined); }
    TakenBack invalidate(const Source& source) override { return patiently(&Store::invalidate, source); }
    void refuse(WorkerId worker, const std::string& reason) override { patiently(&Store::refuse, worker, reason); }
    std::optional<Canary> canary(const Worker& worker) override { return patiently(&Store::canary, worker); }

  private:
    template <class Result, class... Parameters, class... Arguments>
    Result patiently(Result (Store::*member)(Parameters...), const Arguments&... arguments) {
        return waiting_for([&](Store& store) { return (store.*member)(arguments...); }, [] {});
    }

    template <class Call>
    std::invoke_result_t<Call, Store&> once(Call call) {
        try {
            if (!store_) store_ = open_same();
            return call(*store_);
        } catch (const StoreUnavailable&) {
            store_.reset();  // its connection may be broken
            throw;
        }
    }

    /// Another study may have taken the place of the one that was there before.
    std::unique_ptr<Store> open_same() {
        auto store = open_();
        const std::string identity = store->identity();
        if (identity_.empty()) identity_ = identity;
        if (identity != identity_)
            throw StoreError("the study was deleted, and another one was made under its name: start this worker anew");
        return store;
    }

    /// The connection may have broken in minutes of training, with the database there all the same.
    template <class Call>
    void at_most_twice(Call call) {
        try {
            once(call);
        } catch (const StoreUnavailable&) {
            once(call);
        }
    }

    /// Tries until it works; `on_failure` is called after each try that did not.
    template <class Call, class OnFailure>
    std::invoke_result_t<Call, Store&> waiting_for(Call call, OnFailure on_failure) {
        return calls_([&] { return once(call); }, on_failure);
    }

    std::function<std::unique_ptr<Store>()> open_;
    PatientCalls calls_;
    std::shared_ptr<const Undelivered> undelivered_;
    std::unique_ptr<Store> store_;
    std::string identity_;
};

}  // namespace

std::unique_ptr<Store> make_patient_store(std::function<std::unique_ptr<Store>()> open, Patience patience,
                                          std::shared_ptr<const Undelivered> undelivered) {
    return std::make_unique<PatientStore>(std::move(open), std::move(patience), std::move(undelivered));
}

}  // namespace normact::results
