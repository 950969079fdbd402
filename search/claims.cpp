#include "search/claims.h"

#include <utility>

namespace normact::search {

Claims::Claims(std::unique_ptr<results::Store> store, results::WorkerId worker, std::chrono::seconds lease,
               std::function<std::string()> log_tail)
    : store_(std::move(store)),
      worker_(worker),
      lease_(lease),
      log_tail_(std::move(log_tail)),
      thread_([this](const std::stop_token& stop) { keep_renewing(stop); }) {}

Claims::Hold::Hold(Claims& claims, const primitives::Hash128& fingerprint) : claims_(claims) {
    const std::scoped_lock lock(claims_.mutex_);
    held_ = claims_.held_.insert(claims_.held_.end(), {fingerprint, {}});
}

Claims::Hold::~Hold() {
    const std::scoped_lock lock(claims_.mutex_);
    claims_.held_.erase(held_);
}

void Claims::Hold::set(const proxy_tasks::Progress& progress) {
    const std::scoped_lock lock(claims_.mutex_);
    held_->progress = progress;
}

void Claims::end() {
    thread_.request_stop();
    thread_.join();
    if (unreachable_) return;  // a worker that is to end does not wait: it is seen by its silence
    try {
        store_->end_worker(worker_);
    } catch (const results::StoreError&) {  // then it is seen by its silence
    }
}

void Claims::keep_renewing(const std::stop_token& stop) {
    const auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(lease_) / 3;
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        never_.wait_for(lock, stop, pause, [] { return false; });
        if (stop.stop_requested()) return;
        const auto held = held_;
        lock.unlock();
        renew(held, stop);
        if (log_tail_) keep_log();
        lock.lock();
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
