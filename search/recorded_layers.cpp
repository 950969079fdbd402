#include "search/recorded_layers.h"

#include "primitives/canonical.h"
#include "primitives/fingerprint.h"
#include "primitives/json_error.h"
#include "primitives/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace normact::search {
namespace {

using Json = nlohmann::ordered_json;
using results::Candidate;

constexpr std::string_view format = "normact/table";

Record record_of(const Candidate& candidate, const std::vector<std::string>& tasks) {
    Record record{primitives::to_text(candidate.graph), {}};
    if (candidate.state != Candidate::State::scored) return record;
    const auto& scores = candidate.outcome.scores;
    for (const std::string& task : tasks) {
        const auto score = std::ranges::find(scores, task, &proxy_tasks::Score::task);
        if (scores.size() != tasks.size() || score == scores.end() || !std::isfinite(score->accuracy))
            throw results::StoreError(
                fmt::format("the study is damaged: the scores of candidate {} are not one accuracy for each anchor. "
                            "Restore it from a copy",
                            candidate.id));
        record.accuracies.push_back(score->accuracy);
    }
    return record;
}

Json header_of(const RecordedLayers& layers) {
    Configuration configuration;
    configuration.space = layers.space;
    return {{"format", format},
            {"version", 1},
            {"tasks", layers.tasks},
            {"space", Json::parse(to_json(configuration)).at("space")}};
}

/// The space and the tasks, by the first line.
RecordedLayers read_header(const Json& header) {
    if (header.value("format", "") != format || header.value("version", 0) != 1)
        throw TableError(
            fmt::format("it is no table of this release: its first line must hold \"format\": \"{}\", "
                        "\"version\": 1",
                        format));
    RecordedLayers layers;
    layers.tasks = header.at("tasks").get<std::vector<std::string>>();
    if (layers.tasks.empty()) throw TableError("its tasks are empty");
    layers.space = parse_configuration(Json{{"space", header.at("space")}}.dump()).space;
    return layers;
}

std::pair<primitives::Hash128, Record> read_record(const Json& line, std::size_t tasks) {
    Record record{line.at("layer").get<std::string>(), {}};
    if (line.contains("accuracies")) {
        record.accuracies = line.at("accuracies").get<std::vector<double>>();
        if (record.accuracies.size() != tasks)
            throw TableError(fmt::format("it has {} accuracies for {} tasks", record.accuracies.size(), tasks));
        for (const double accuracy : record.accuracies)
            if (std::isnan(accuracy) || accuracy < 0 || accuracy > 1)
                throw TableError(fmt::format("{} is no accuracy", accuracy));
    }
    const primitives::Probe probe = primitives::probe(primitives::canonical(primitives::parse_text(record.layer)));
    if (!probe.is_valid()) throw TableError("its layer is not finite, or does not depend on x");
    return {probe.fingerprint, std::move(record)};
}

/// Calls `read` with each line that is not empty; what it throws is told with the line's number.
void for_each_line(std::string_view text, auto&& read) {
    for (int number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line.empty()) continue;
        try {
            read(Json::parse(line));
        } catch (const std::exception& error) {
            throw TableError(fmt::format("line {}: {}", number, primitives::plain_message(error)));
        }
    }
}

}  // namespace

RecordedLayers recorded_layers(results::Store& store, const Configuration& configuration) {
    RecordedLayers layers{tasks_of(configuration.scoring), configuration.space, {}};
    constexpr int page_size = 1000;
    results::CandidateId last = 0;
    while (true) {
        const auto page = store.candidates_after(last, page_size);  // ids may have gaps
        if (page.empty()) return layers;
        for (const Candidate& candidate : page) {
            if (candidate.evaluated != candidate.id) continue;  // invalid, or another candidate's function
            if (candidate.state != Candidate::State::scored && candidate.state != Candidate::State::rejected) continue;
            layers.records.emplace(candidate.fingerprint, record_of(candidate, layers.tasks));
        }
        last = page.back().id;
    }
}

std::string to_table(const RecordedLayers& layers) {
    std::vector<const Record*> records;
    records.reserve(layers.records.size());
    for (const auto& [fingerprint, record] : layers.records) records.push_back(&record);
    std::ranges::sort(records, {}, &Record::layer);
    std::string text = header_of(layers).dump() + "\n";
    for (const Record* record : records) {
        Json line{{"layer", record->layer}};
        if (!record->accuracies.empty()) line["accuracies"] = record->accuracies;
        text += line.dump() + "\n";
    }
    return text;
}

RecordedLayers parse_table(std::string_view text) {
    RecordedLayers layers;
    bool has_header = false;
    for_each_line(text, [&](const Json& line) {
        if (!std::exchange(has_header, true)) {
            layers = read_header(line);
            return;
        }
        auto [fingerprint, record] = read_record(line, layers.tasks.size());
        const auto [place, is_new] = layers.records.emplace(fingerprint, record);
        if (!is_new) throw TableError(record.layer + " computes the same as " + place->second.layer);
    });
    if (layers.records.empty()) throw TableError("it holds no layer");
    return layers;
}

}  // namespace normact::search
