#pragma once

#include "primitives/hash.h"
#include "results/store.h"
#include "search/leases.h"

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>

namespace normact::search {

/// The claims that a worker holds, and their renewals.
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
        Hold(Claims& claims, const primitives::Hash128& fingerprint) : hold_(claims.leases_, {fingerprint, {}}) {}

        /// What the next renewals tell of the evaluation.
        void set(const proxy_tasks::Progress& progress) {
            hold_.update([&progress](Held& held) { held.progress = progress; });
        }

      private:
        Leases<Held>::Hold hold_;
    };

  private:
    void renew(const std::list<Held>& held, const std::stop_token& stop);
    void keep_log();

    std::unique_ptr<results::Store> store_;
    results::WorkerId worker_;
    std::chrono::seconds lease_;
    std::function<std::string()> log_tail_;
    std::string kept_tail_;
    bool unreachable_ = false;  ///< at the last renewal
    Leases<Held> leases_;       // last, so that it ends before what it uses
};

}  // namespace normact::search
