#pragma once

#include "primitives/hash.h"
#include "results/store.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace normact::search {

/// The claims that a worker holds. A thread of its own renews their leases three times a lease, so that an evaluation
/// may take as long as it needs, while the claims of a dead worker are open to others after one lease.
class Claims {
    struct Held {
        primitives::Hash128 fingerprint;
        proxy_tasks::Progress progress;
    };

  public:
    /// `store` is used by the renewing thread alone, and so is `log_tail`, where it is given: with the renewals the
    /// study gets the last lines of the worker's log, for who wants to know what became of it.
    Claims(std::unique_ptr<results::Store> store, results::WorkerId worker, std::chrono::seconds lease,
           std::function<std::string()> log_tail = {});

    /// Records that the worker has ended, as far as its study can be reached. Nothing is renewed from then on.
    void end();

    /// Keeps one claim renewed for as long as it lives.
    class Hold {
      public:
        Hold(Claims& claims, const primitives::Hash128& fingerprint);
        ~Hold();
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

        /// What the next renewals tell of the evaluation.
        void set(const proxy_tasks::Progress& progress);

      private:
        Claims& claims_;
        std::list<Held>::iterator held_;
    };

  private:
    void keep_renewing(const std::stop_token& stop);
    void renew(const std::list<Held>& held, const std::stop_token& stop);
    void keep_log();

    std::unique_ptr<results::Store> store_;
    results::WorkerId worker_;
    std::chrono::seconds lease_;
    std::function<std::string()> log_tail_;
    std::string kept_tail_;
    bool unreachable_ = false;  ///< at the last renewal
    std::mutex mutex_;          // of held_
    std::list<Held> held_;      // maybe one twice: a thread may take up again what another still lets go of
    std::condition_variable_any never_;
    std::jthread thread_;  // last, so that it ends before what it uses
};

}  // namespace normact::search
