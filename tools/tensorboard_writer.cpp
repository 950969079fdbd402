#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/duration.h"
#include "tools/event_record.h"
#include "tools/study_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

namespace normact::tools {
namespace {

/// The steps are candidates' ids. A function counts once, where it was evaluated.
class TensorboardWriter final : public StudyWriter {
  public:
    explicit TensorboardWriter(WallClock now) : now_(now), time_(now) {}

    std::string head() override { return event_record(version_event({seconds(), 0})); }

    std::string row(const results::Candidate& candidate) override {
        last_ = candidate.id;
        time_ = end_of(candidate, now_);
        const bool is_duplicate = candidate.evaluated != 0 && candidate.evaluated != candidate.id;
        ++counts_[is_duplicate ? "duplicate" : state_name(candidate)];
        std::string records;
        if (candidate.id % counts_every == 0) records += counts();
        if (is_duplicate || candidate.state != results::Candidate::State::scored) return records;
        for (const auto& score : candidate.outcome.scores) records += scalar("accuracy/" + score.task, score.accuracy);
        const auto mean = results::mean_accuracy(candidate.outcome.scores);
        if (!mean || !std::isfinite(*mean)) return records;
        records += scalar("accuracy/mean", *mean);
        if (best_ && *mean <= *best_) return records;
        best_ = mean;
        const std::string text = fmt::format("candidate {}, mean accuracy {}\n\n    {}", candidate.id,
                                             accuracy_text(*mean), primitives::to_text(candidate.graph));
        return records + scalar("best/mean", *mean) + event_record(text_event({seconds(), last_}, "best/layer", text));
    }

    std::string foot() override { return counts(); }

  private:
    static constexpr results::CandidateId counts_every = 100;

    double seconds() const { return Seconds(time_.time_since_epoch()).count(); }

    std::string scalar(const std::string& tag, double value) const {
        return event_record(scalar_event({seconds(), last_}, tag, static_cast<float>(value)));
    }
    /// How many candidates went which way so far.
    std::string counts() const {
        std::string records;
        for (const auto& [state, count] : counts_) records += scalar("candidates/" + state, static_cast<double>(count));
        return records;
    }

    WallClock now_, time_;  ///< the latter of the last candidate
    results::CandidateId last_ = 0;
    std::optional<double> best_;
    std::map<std::string, std::int64_t> counts_;
};

}  // namespace

std::unique_ptr<StudyWriter> make_tensorboard_writer(const Study& /*study*/, WallClock now) {
    return std::make_unique<TensorboardWriter>(now);
}

}  // namespace normact::tools
