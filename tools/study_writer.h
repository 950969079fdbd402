#pragma once

#include "results/store.h"
#include "tools/study_argument.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace normact::tools {

/// A study in the format of another tool, piece by piece, so that any number of candidates goes through little memory:
/// the head, a row for each candidate in the order of their ids, the foot.
class StudyWriter {
  public:
    virtual ~StudyWriter() = default;
    virtual std::string head() = 0;
    virtual std::string row(const results::Candidate& candidate) = 0;
    virtual std::string foot() = 0;
};

using WallClock = std::chrono::system_clock::time_point;

/// Comma-separated values (RFC 4180), a line a candidate; spreadsheets find no formula in it.
std::unique_ptr<StudyWriter> make_csv_writer(const Study& study);
/// One JSON document, "normact/study", a line a candidate.
std::unique_ptr<StudyWriter> make_json_writer(const Study& study);
/// When the evaluation of a candidate ended; `otherwise` where the study does not know it, or nobody could.
WallClock end_of(const results::Candidate& candidate, WallClock otherwise);

/// A journal that Optuna's JournalStorage reads; `now` stands for times that the study does not know.
std::unique_ptr<StudyWriter> make_optuna_writer(const Study& study, WallClock now);
/// An event file for TensorBoard; `now` stands for times that the study does not know.
std::unique_ptr<StudyWriter> make_tensorboard_writer(const Study& study, WallClock now);

}  // namespace normact::tools
