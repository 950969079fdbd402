// normact report: a study as one page.

#include "results/study_view.h"
#include "tools/command.h"
#include "tools/duration.h"
#include "tools/json_output.h"
#include "tools/output_file.h"
#include "tools/progress_line.h"
#include "tools/reevaluation_file.h"
#include "tools/report_document.h"
#include "tools/report_page.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <mutex>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Where the report goes: to the file that was named, or beside the study's name here.
std::string file_of(const Arguments& arguments, const std::string& place) {
    if (arguments.has("output")) return arguments.text("output");
    std::string name = place.substr(place.find_last_of("/#") + 1);
    if (name.ends_with(study_ending)) name.resize(name.size() - study_ending.size());
    return name + ".report.html";
}

/// `reevaluation`: the file of one, or nothing.
Json make_document(const std::string& place, const ReportExtent& extent, const std::string& reevaluation) {
    const auto view = results::open_study_view(place);
    std::mutex mutex;
    std::string step = "opening the study";
    const ProgressLine line([&](Seconds elapsed) {
        const std::scoped_lock lock(mutex);
        return fmt::format("{} {}", clock_text(elapsed), step);
    });
    const Json found = reevaluation.empty() ? Json() : read_reevaluation(reevaluation, *view);
    Json document = report_document(*view, place, extent, [&](const std::string& next) {
        const std::scoped_lock lock(mutex);
        step = next;
    });
    document["reevaluation"] = found;
    return document;
}

int run(const Arguments& arguments) {
    ReportExtent extent;
    extent.layers = static_cast<int>(arguments.number("layers", 1, results::most_of_a_page));
    if (!arguments.has("no-speed")) extent.speed = timed_task();
    const std::string place = existing_study(arguments);
    const Json document =
        make_document(place, extent, arguments.has("reevaluation") ? arguments.text("reevaluation") : "");
    if (arguments.has("json")) {
        answer(printed(document));
        return fine;
    }
    const std::string file = file_of(arguments, place), page = report_page(document);
    replace_text_file(file, page);
    answer(fmt::format("{}: {} scored layers of {} candidates, {:.0f} KiB. Open it in a browser.\n", printable(file),
                       document["funnel"]["scored"].get<std::int64_t>(),
                       document["funnel"]["proposed"].get<std::int64_t>(), static_cast<double>(page.size()) / 1024));
    return fine;
}

}  // namespace

const Command& report_command() {
    static const Command command{
        .name = "report",
        .summary = "A study as one page: what was searched, how it went, which layers are good, and what they do.",
        .options = {study_option("the study (default: the only one in this folder)"),
                    {"output", "FILE", "where the page goes (default: STUDY.report.html)", {}},
                    {"layers", "N", "how many of the best layers are told in full", "20"},
                    {"reevaluation", "FILE", "tell what normact reevaluate --json printed into this file, too", {}},
                    {"no-speed", "", "time no layer: quicker, and nothing is measured on a busy machine", {}},
                    {"json", "", "print the report's data as JSON instead, see docs/commands.md", {}}},
        .details =
            "The page needs no network: mail it, or put it anywhere.\n\n"
            "Examples:\n  normact report --study demo.study.db\n"
            "  normact report --study demo.study.db --output report.html --layers 50 --no-speed\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
