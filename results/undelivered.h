#pragma once

#include "results/store.h"

#include <filesystem>
#include <functional>
#include <string>

namespace normact::results {

/// Outcomes that could not be recorded because the database was away, each a small file, so that they outlive their
/// worker: minutes or hours of training are in each.
class Undelivered {
  public:
    using Letter = std::filesystem::path;

    /// `folder` is made when it is needed. Workers of one study may share it, also over a network drive.
    explicit Undelivered(std::filesystem::path folder) : folder_(std::move(folder)) {}

    /// Writes an outcome. Throws StoreError if that is impossible, as on a full disk.
    Letter keep(WorkerId worker, const primitives::Hash128& fingerprint, const proxy_tasks::Outcome& outcome) const;
    static void remove(const Letter& letter);

    /// Brings all that is kept into the store, and returns how many outcomes that were. Files that are no outcomes or
    /// that the store refuses are set aside with the ending .refused and told.
    int deliver(Store& store, const std::function<void(const std::string&)>& tell) const;

  private:
    std::filesystem::path folder_;
};

/// Where outcomes of the study at this place, with this identity, are kept: a folder of its own in
/// $XDG_STATE_HOME/normact/undelivered, or in ~/.local/state/normact/undelivered.
std::filesystem::path undelivered_folder(const std::string& place, const std::string& identity);

}  // namespace normact::results
