#pragma once

#include <mutex>
#include <shared_mutex>

namespace normact::proxy_tasks {

/// Lets many in together, or one alone. Who wants to be alone waits for those who are inside, and whoever comes later
/// waits behind: it gets in even where others come without a gap.
class TogetherOrAlone {
  public:
    std::shared_lock<std::shared_mutex> together() {
        const std::scoped_lock in_turn(door_);
        return std::shared_lock(room_);
    }
    std::unique_lock<std::shared_mutex> alone() {
        const std::scoped_lock in_turn(door_);
        return std::unique_lock(room_);
    }

  private:
    std::mutex door_;
    std::shared_mutex room_;
};

}  // namespace normact::proxy_tasks
