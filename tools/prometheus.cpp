#include "tools/prometheus.h"

#include "tools/candidates.h"

#include <fmt/format.h>

namespace normact::tools {
namespace {

/// Quoted as the format wants it.
std::string label(const std::string& value) {
    std::string text;
    for (const char c : value) {
        if (c == '\\' || c == '"') text += '\\';
        text += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return '"' + text + '"';
}

std::string describe(const char* name, const char* help) {
    return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
}

}  // namespace

std::string prometheus_text(const std::string& study, const StudyStatus& status) {
    const std::string of_study = "study=" + label(study);
    const results::Funnel& funnel = status.funnel;
    std::string text = describe("normact_candidates", "Candidates by what became of them.");
    for (const auto& [state, count] : candidate_states())
        text += fmt::format("normact_candidates{{{},state=\"{}\"}} {}\n", of_study, state, funnel.*count);
    text += describe("normact_evaluated_last_hour", "Evaluations that were finished in the last hour.");
    text += fmt::format("normact_evaluated_last_hour{{{}}} {}\n", of_study, status.finished_last_hour);
    text += describe("normact_workers", "Workers that are alive.");
    text += fmt::format("normact_workers{{{}}} {}\n", of_study, status.workers.size());
    text += describe("normact_worker_seen_seconds", "Seconds since a worker's last sign of life.");
    for (const auto& worker : status.workers)
        text += fmt::format("normact_worker_seen_seconds{{{},worker=\"{}\",host={}}} {}\n", of_study, worker.id,
                            label(worker.worker.host), worker.seen.count());
    text += describe("normact_worker_evaluated", "Results of a worker so far.");
    for (const auto& worker : status.workers)
        text += fmt::format("normact_worker_evaluated{{{},worker=\"{}\",host={}}} {}\n", of_study, worker.id,
                            label(worker.worker.host), worker.evaluated);
    return text;
}

}  // namespace normact::tools
