#pragma once

// What the tests of SQLite studies share.

#include "primitives/temporary_folder.h"
#include "results/sqlite.h"
#include "results/study.h"
#include "results/study_place.h"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace normact::results {

class StudyFile final : public StudyPlace {
  public:
    explicit StudyFile(const std::string& configuration) { create_study(path(), configuration); }
    std::unique_ptr<Store> open() override { return open_study(path()); }
    std::unique_ptr<TrialStore> open_trials() override { return results::open_trials(path()); }
    std::unique_ptr<StudyView> look() override { return open_study_view(path()); }
    std::unique_ptr<soci::session> connect() override { return connect_sqlite(path()); }
    std::string path() const { return folder_.file("study.normact"); }

  private:
    TemporaryFolder folder_;
};

inline Backend sqlite_backend() {
    return {"Sqlite", [](const std::string& configuration) { return std::make_unique<StudyFile>(configuration); }};
}

/// What StoreError says that the call throws.
inline std::string error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const StoreError& error) {
        return error.what();
    }
    return "nothing was wrong";
}

/// For a child process, where a test can expect nothing: throws unless the call fails with these words.
inline void must_fail_with(const std::string& words, const std::function<void()>& call) {
    const auto error = error_of(call);
    if (error.find(words) == std::string::npos) throw std::runtime_error("\"" + words + "\" is not in: " + error);
}

/// Evaluates `count` functions, counted from `first`, as a worker of its own.
inline void do_work(Store& store, std::uint64_t first, std::uint64_t count) {
    const auto worker = store.add_worker({"host", 1, "cpu", "aten", "0"});
    for (auto function = first; function < first + count; ++function) {
        store.propose(worker, proposal(function), long_lease);
        store.finish(worker, proposal(function).fingerprint, scored(0.5, 0.25));
    }
}

}  // namespace normact::results
