#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/duration.h"
#include "tools/json_output.h"
#include "tools/study_writer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string compact(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// A number to the last bit; nothing for one that is none.
std::string cell(double number) { return std::isfinite(number) ? fmt::format("{}", number) : std::string(); }

/// A text as a cell. Spreadsheets run what begins like a formula, so that gets an apostrophe in front, as they do it.
std::string cell(std::string text) {
    if (!text.empty() && std::string_view("=+-@\t\r\n").find(text.front()) != std::string_view::npos)
        text.insert(0, "'");
    std::erase(text, '\0');
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
}

/// The formula, in parentheses if it would begin with a minus, so that it reads back.
std::string formula(const primitives::LayerGraph& graph) {
    std::string text = primitives::to_text(graph);
    return text.starts_with('-') ? "(" + text + ")" : text;
}

class CsvWriter final : public StudyWriter {
  public:
    explicit CsvWriter(const Study& study) : tasks_(search::tasks_of(study.configuration.scoring)) {}

    std::string head() override {
        std::string line = "candidate,parent,origin,state,reason,finished,mean";
        for (const std::string& task : tasks_) line += "," + cell(task);
        return line + ",other_scores,seconds,evaluated,nodes,hash,fingerprint,text\r\n";
    }

    std::string row(const results::Candidate& candidate) override {
        const auto& scores = candidate.outcome.scores;
        const auto mean = results::mean_accuracy(scores);
        std::string line =
            fmt::format("{},{},{},{},{},{},{}", candidate.id, candidate.parent ? fmt::to_string(*candidate.parent) : "",
                        cell(candidate.origin), state_name(candidate), cell(candidate.outcome.reason),
                        candidate.finished ? utc_text(Seconds(*candidate.finished)) : "", mean ? cell(*mean) : "");
        for (const std::string& task : tasks_) {
            const auto found = std::ranges::find_if(scores, [&](const auto& score) { return is_of(score, task); });
            line += "," + (found != scores.end() ? cell(found->accuracy) : std::string());
        }
        Json others = Json::array();  // of further replicates, and tasks that the configuration does not name
        for (const auto& score : scores)
            if (std::ranges::none_of(tasks_, [&](const auto& task) { return is_of(score, task); }))
                others.push_back(to_json(score));
        return line + fmt::format(",{},{},{},{},{},{},{}\r\n", others.empty() ? "" : cell(compact(others)),
                                  cell(candidate.outcome.seconds),
                                  candidate.evaluated == 0 ? "" : fmt::to_string(candidate.evaluated),
                                  candidate.graph.nodes.size(), primitives::to_string(candidate.hash),
                                  primitives::to_string(candidate.fingerprint), cell(formula(candidate.graph)));
    }

    std::string foot() override { return {}; }

  private:
    static bool is_of(const proxy_tasks::Score& score, const std::string& task) {
        return score.task == task && score.replicate == 0;
    }

    std::vector<std::string> tasks_;
};

class JsonWriter final : public StudyWriter {
  public:
    explicit JsonWriter(const Study& study) : study_(study) {}

    std::string head() override {
        const Json head{{"format", "normact/study"},
                        {"version", 1},
                        {"study", study_.path},
                        {"configuration", Json::parse(search::to_json(study_.configuration))}};
        std::string text = compact(head);
        text.pop_back();  // the document goes on
        return text + ",\n\"candidates\": [";
    }
    std::string row(const results::Candidate& candidate) override {
        return std::exchange(separator_, ",\n") + compact(to_json(candidate, study_.configuration.scoring.layer));
    }
    std::string foot() override { return "\n]}\n"; }

  private:
    const Study& study_;
    std::string separator_ = "\n";
};

}  // namespace

std::unique_ptr<StudyWriter> make_csv_writer(const Study& study) { return std::make_unique<CsvWriter>(study); }
std::unique_ptr<StudyWriter> make_json_writer(const Study& study) { return std::make_unique<JsonWriter>(study); }

}  // namespace normact::tools
