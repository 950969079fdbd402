#include "tools/study_pages.h"

#include "results/store.h"
#include "tools/json_output.h"
#include "tools/layer_details.h"
#include "tools/reevaluation_file.h"
#include "tools/report_document.h"
#include "tools/study_argument.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr auto shortest_age = std::chrono::seconds(5);
constexpr int times_of_rest = 20;
constexpr int best_layers = 20;
constexpr std::size_t sampled_layers = 1000;  // few enough that nobody waits
constexpr int longest_lineage = 100;
constexpr std::size_t kept_details = 200;

std::string text_of(const Json& document) { return document.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

template <class Task>
auto StudyPages::with_view(Task task) {
    std::unique_ptr<results::StudyView> view;
    {
        const std::scoped_lock lock(views_mutex_);
        if (!views_.empty()) {
            view = std::move(views_.back());
            views_.pop_back();
        }
    }
    if (!view) view = results::open_study_view(shown_.place);
    if (created_ != 0 && view->created() != created_)
        throw results::StoreError(shown_.place + ": another study lies there now. Start normact serve again");
    auto result = task(*view);
    const std::scoped_lock lock(views_mutex_);
    views_.push_back(std::move(view));
    return result;
}

StudyPages::StudyPages(ShownStudy shown) : shown_(std::move(shown)) {
    configuration_ = configuration_of(shown_.place, with_view([](auto& view) { return view.configuration(); }));
    tasks_ = search::tasks_of(configuration_.scoring);
    created_ = with_view([](auto& view) { return view.created(); });
    if (!shown_.reevaluation.empty()) reevaluation_ = read_reevaluation_text();
}

std::string StudyPages::read_reevaluation_text() {
    return text_of(with_view([&](auto& view) { return read_reevaluation(shown_.reevaluation, view); }));
}

std::string StudyPages::make_report() {
    ReportExtent extent;
    extent.layers = best_layers;
    extent.sample = sampled_layers;
    extent.details = false;
    extent.speed = shown_.speed;
    Json document =
        with_view([&](auto& view) { return report_document(view, shown_.place, extent, [](const std::string&) {}); });
    try {
        if (!shown_.reevaluation.empty()) reevaluation_ = read_reevaluation_text();
    } catch (const std::exception&) {  // it was right at the start: somebody is writing it
    }
    document["reevaluation"] = Json::parse(reevaluation_);
    return text_of(document);
}

std::string StudyPages::report() {
    with_view([](auto&) { return true; });  // what was read before is told only while the study is there
    std::unique_lock lock(report_mutex_);
    if (report_in_work_ && !report_.empty()) return report_;
    report_made_.wait(lock, [&] { return !report_in_work_; });
    if (!report_.empty() && Clock::now() < report_due_) return report_;
    report_in_work_ = true;
    lock.unlock();
    const auto done = [&] {
        lock.lock();
        report_in_work_ = false;
        report_made_.notify_all();
    };
    try {
        const auto start = Clock::now();
        std::string text = make_report();
        const auto end = Clock::now();
        done();
        report_ = std::move(text);
        report_due_ = end + std::max<Clock::duration>(shortest_age, times_of_rest * (end - start));
        return report_;
    } catch (...) {
        done();
        throw;
    }
}

std::string StudyPages::status() {
    return with_view([&](auto& view) {
        results::CandidateQuery best;
        best.limit = 1;
        const auto found = view.page(best).candidates;
        Json document{{"format", "normact/serve-status"}, {"version", 1}, {"funnel", to_json(view.funnel())}};
        document["best"] = found.empty() ? Json() : candidate_row(found.front(), tasks_);
        return text_of(document);
    });
}

std::string StudyPages::candidates(const RequestParameters& parameters) {
    const results::CandidateQuery query = candidate_query(parameters, tasks_);
    return with_view([&](auto& view) {
        const results::CandidatePage page = view.page(query);
        Json rows = Json::array();
        for (const auto& candidate : page.candidates) rows.push_back(candidate_row(candidate, tasks_));
        Json document{{"format", "normact/candidates"}, {"version", 1}, {"tasks", tasks_}};
        document["candidates"] = std::move(rows);
        document["next"] = page.next ? Json(position_text(query, *page.next)) : Json();
        return text_of(document);
    });
}

std::string StudyPages::details_of(const results::Candidate& candidate) {
    const std::scoped_lock lock(details_mutex_);
    if (const auto found = details_.find(candidate.id); found != details_.end()) return found->second;
    if (details_.size() >= kept_details) details_.clear();
    const primitives::Layer layer{fmt::format("candidate {}", candidate.id), candidate.graph,
                                  configuration_.scoring.layer};
    return details_[candidate.id] = text_of(layer_details(layer, shown_.speed));
}

results::Candidate StudyPages::found(results::CandidateId id) {
    auto candidate = with_view([id](auto& view) { return view.find(id); });
    if (!candidate) throw RequestError(fmt::format("the study has no candidate {}", id));
    return std::move(*candidate);
}

std::string StudyPages::difference(const RequestParameters& parameters) {
    if (parameters.size() != 2 || !parameters.contains("from") || !parameters.contains("to"))
        throw RequestError("the parameters are from and to");
    const auto from = parse_candidate(parameters.at("from")), to = parse_candidate(parameters.at("to"));
    Json document{{"format", "normact/formula-change"}, {"version", 1}, {"from", from}, {"to", to}};
    document["change"] = formula_change(found(from), found(to));
    return text_of(document);
}

std::string StudyPages::candidate(const RequestParameters& parameters) {
    if (parameters.size() != 1 || !parameters.contains("id")) throw RequestError("the parameter is id");
    const auto id = parse_candidate(parameters.at("id"));
    const results::Candidate candidate = found(id);
    Json document{{"format", "normact/candidate"}, {"version", 1}};
    document["layer"] = to_json(candidate, configuration_.scoring.layer);
    document["layer"]["details"] = Json::parse(details_of(candidate));
    document["lineage"] =
        lineage_rows(with_view([id](auto& view) { return view.lineage(id, longest_lineage); }), tasks_);
    return text_of(document);
}

}  // namespace normact::tools
