#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace normact::search {

/// What a worker holds. A thread of its own renews it three times a lease, so that work may take as long as it needs,
/// while what a dead worker held is open to others after one lease.
template <class Item>
class Leases {
  public:
    /// Renews all that is held at that time; called by the renewing thread alone. It may end early when asked to stop.
    using Renew = std::function<void(const std::list<Item>& held, const std::stop_token& stop)>;

    Leases(std::chrono::seconds lease, Renew renew)
        : pause_(std::chrono::duration_cast<std::chrono::milliseconds>(lease) / 3),
          renew_(std::move(renew)),
          thread_([this](const std::stop_token& stop) { keep_renewing(stop); }) {}

    /// Keeps one item renewed for as long as it lives.
    class Hold {
      public:
        Hold(Leases& leases, Item item) : leases_(leases) {
            const std::scoped_lock lock(leases_.mutex_);
            item_ = leases_.held_.insert(leases_.held_.end(), std::move(item));
        }
        ~Hold() {
            const std::scoped_lock lock(leases_.mutex_);
            leases_.held_.erase(item_);
        }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

        /// Calls change(item), for the next renewals to tell.
        template <class Change>
        void update(Change change) {
            const std::scoped_lock lock(leases_.mutex_);
            change(*item_);
        }

      private:
        Leases& leases_;
        std::list<Item>::iterator item_;
    };

    /// What is held now, oldest first; maybe one thing twice: a thread may take up again what another still lets go of.
    std::list<Item> held() const {
        const std::scoped_lock lock(mutex_);
        return held_;
    }

    /// Nothing is renewed from then on.
    void end() {
        thread_.request_stop();
        if (thread_.joinable()) thread_.join();
    }

  private:
    void keep_renewing(const std::stop_token& stop) {
        std::mutex waiting;
        std::unique_lock lock(waiting);
        for (;;) {
            never_.wait_for(lock, stop, pause_, [] { return false; });
            if (stop.stop_requested()) return;
            renew_(held(), stop);
        }
    }

    std::chrono::milliseconds pause_;
    Renew renew_;
    mutable std::mutex mutex_;  // of held_
    std::list<Item> held_;
    std::condition_variable_any never_;
    std::jthread thread_;  // last, so that it ends before what it uses
};

}  // namespace normact::search
