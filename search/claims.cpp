#include "search/claims.h"

#include <utility>

namespace normact::search {

Claims::Claims(std::unique_ptr<results::Store> store, results::WorkerId worker, std::chrono::seconds lease,
               std::function<std::string()> log_tail)
    : store_(std::move(store)),
      worker_(worker),
      lease_(lease),
      log_tail_(std::move(log_tail)),
      leases_(lease, [this](const std::list<Held>& held, const std::stop_token& stop) {
          renew(held, stop);
          if (log_tail_) keep_log();
      }) {}

void Claims::end() {
    leases_.end();
    if (unreachable_) return;  // a worker that is to end does not wait: it is seen by its silence
    try {
        store_->end_worker(worker_);
    } catch (const results::StoreError&) {  // then it is seen by its silence
    }
}

void Claims::renew(const std::list<Held>& held, const std::stop_token& stop) {
    for (const auto& [fingerprint, progress] : held) {
        if (stop.stop_requested()) return;
        try {
            // A lease that was lost stays lost: the evaluation goes on all the same, and the first result counts.
            store_->renew(worker_, fingerprint, lease_, progress);
            unreachable_ = false;
        } catch (const results::StoreError&) {
            unreachable_ = true;
            // A database that is busy is tried again at the next round; one that is broken also fails the worker, as
            // soon as it records a result.
        }
    }
}

void Claims::keep_log() {
    std::string tail = log_tail_();
    if (tail == kept_tail_) return;
    try {
        store_->keep_log(worker_, tail);
        kept_tail_ = std::move(tail);
    } catch (const results::StoreError&) {  // as with a renewal
    }
}

}  // namespace normact::search
