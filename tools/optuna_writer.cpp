// The journal of Optuna's JournalStorage: a JSON object a line, one operation each. What is written is what its source
// reads (optuna/storages/journal/_storage.py, versions 4 and 5).

#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/duration.h"
#include "tools/study_writer.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;
using State = results::Candidate::State;
using proxy_tasks::Rejection;

// Optuna's numbers.
enum Operation : int { create_study = 0, set_study_user_attribute = 2, create_trial = 4 };
enum TrialState : int { running = 0, complete = 1, pruned = 2, failed_trial = 3 };
constexpr int maximize = 2;
constexpr double longest_evaluation = 1e7;  ///< seconds: what a damaged study says is kept within time's range

/// A part that a layer has or has not: a parameter of a trial, so that Optuna's importances tell which ones matter.
struct Part {
    primitives::Op op;
    primitives::IndexSet over;
    std::string name;
};

std::vector<Part> all_parts() {
    std::vector<Part> parts;
    for (const auto& row : primitives::all_primitives()) {
        if (row.op == primitives::Op::x) continue;
        if (row.kind != primitives::Kind::moment) {
            parts.push_back({row.op, primitives::IndexSet::none, std::string(row.name)});
            continue;
        }
        for (const auto set : primitives::index_sets)
            parts.push_back({row.op, set, fmt::format("{}_{}", row.name, primitives::name(set))});
    }
    return parts;
}

bool has(const primitives::LayerGraph& graph, const Part& part) {
    return std::ranges::any_of(graph.nodes,
                               [&](const auto& node) { return node.op == part.op && node.over == part.over; });
}

/// A number as JSON has it; Optuna takes NaN as a value of nothing.
Json finite(double number) { return std::isfinite(number) ? Json(number) : Json(); }

class OptunaWriter final : public StudyWriter {
  public:
    OptunaWriter(const Study& study, WallClock now) : study_(study), now_(now), parts_(all_parts()) {
        const std::string either = R"({"name": "CategoricalDistribution", "attributes": {"choices": [false, true]}})";
        for (const Part& part : parts_) distributions_[part.name] = either;
    }

    std::string head() override {
        return line(create_study, {{"study_name", study_.path}, {"directions", {maximize}}}) +
               line(set_study_user_attribute,
                    {{"study_id", 0},
                     {"user_attr", {{"configuration", Json::parse(search::to_json(study_.configuration))}}}});
    }

    std::string row(const results::Candidate& candidate) override {
        const auto mean = results::mean_accuracy(candidate.outcome.scores);
        const TrialState state = state_of(candidate, mean);
        const auto end = end_of(candidate, now_);
        const auto start = end - std::chrono::duration_cast<WallClock::duration>(
                                     Seconds(std::clamp(candidate.outcome.seconds, 0.0, longest_evaluation)));
        Json parameters = Json::object();
        for (const Part& part : parts_) parameters[part.name] = has(candidate.graph, part) ? 1 : 0;
        Json trial{{"study_id", 0}, {"state", state}, {"datetime_start", time(start)}};
        if (state != running) trial["datetime_complete"] = time(end);
        trial.update({{"value", state == complete ? Json(mean.value()) : Json()},
                      {"values", Json()},
                      {"distributions", distributions_},
                      {"params", parameters},
                      {"user_attrs", attributes(candidate)},
                      {"system_attrs", Json::object()},
                      {"intermediate_values", Json::object()}});
        return line(create_trial, trial);
    }

    std::string foot() override { return {}; }

  private:
    /// One operation, as if by one worker.
    static std::string line(Operation operation, const Json& content) {
        Json log{{"op_code", static_cast<int>(operation)}, {"worker_id", "normact"}};
        log.update(content);
        return log.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
    }

    static std::string time(WallClock time) {
        return fmt::format("{:%Y-%m-%dT%H:%M:%S}+00:00",
                           fmt::gmtime(std::chrono::time_point_cast<std::chrono::seconds>(time)));
    }

    static TrialState state_of(const results::Candidate& candidate, const std::optional<double>& mean) {
        switch (candidate.state) {
            case State::open:
                return running;
            case State::scored:
                return mean && std::isfinite(*mean) ? complete : failed_trial;
            case State::rejected:
                return candidate.outcome.rejection == Rejection::invalid ? failed_trial : pruned;
            case State::quarantined:
                break;
        }
        return failed_trial;
    }

    static Json attributes(const results::Candidate& candidate) {
        Json list{{"candidate", candidate.id},
                  {"layer", primitives::to_text(candidate.graph)},
                  {"nodes", candidate.graph.nodes.size()},
                  {"state", state_name(candidate)},
                  {"origin", candidate.origin},
                  {"parent", candidate.parent ? Json(*candidate.parent) : Json()},
                  {"evaluated", candidate.evaluated == 0 ? Json() : Json(candidate.evaluated)}};
        if (!candidate.outcome.reason.empty()) list["reason"] = candidate.outcome.reason;
        for (const auto& score : candidate.outcome.scores)
            list[fmt::format("accuracy {}{}", score.task,
                             score.replicate == 0 ? "" : fmt::format(" {}", score.replicate))] = finite(score.accuracy);
        return list;
    }

    const Study& study_;
    WallClock now_;
    std::vector<Part> parts_;
    Json distributions_;
};

}  // namespace

std::unique_ptr<StudyWriter> make_optuna_writer(const Study& study, WallClock now) {
    return std::make_unique<OptunaWriter>(study, now);
}

}  // namespace normact::tools
