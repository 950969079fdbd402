// normact export-study: all candidates of a study, for other tools.

#include "tools/command.h"
#include "tools/output_file.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/study_writer.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <functional>
#include <stop_token>

namespace normact::tools {
namespace {

namespace fs = std::filesystem;

/// A format, and where it goes.
struct Format {
    std::string name;
    bool to_standard_output;  ///< if no file is named
    bool is_folder;           ///< the tool looks for files in a folder
    std::function<std::unique_ptr<StudyWriter>(const Study&)> make;
    std::string next;  ///< what to type then; {} stands for the file or folder
};

const std::vector<Format>& formats() {
    using Clock = std::chrono::system_clock;
    static const std::vector<Format> table{
        {"csv", true, false, make_csv_writer, ""},
        {"json", true, false, make_json_writer, ""},
        {"optuna", false, false, [](const Study& study) { return make_optuna_writer(study, Clock::now()); },
         "In Python: optuna.load_study(study_name=None, "
         "storage=optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(\"{}\")))"},
        {"tensorboard", false, true, [](const Study& study) { return make_tensorboard_writer(study, Clock::now()); },
         "Look at it: tensorboard --logdir {}"},
    };
    return table;
}

const Format& find_format(const std::string& name) {
    std::vector<std::string> names;
    for (const Format& format : formats()) {
        if (format.name == name) return format;
        names.push_back(format.name);
    }
    throw UsageError(fmt::format("no format '{}'; the formats are {}", name, fmt::join(names, ", ")));
}

using Sink = std::function<void(const std::string&)>;

/// Writes page after page: neither the study nor what comes of it is ever in memory as a whole. Ends where a stop is
/// requested.
void write(Study& study, StudyWriter& writer, const std::stop_token& stop, const Sink& sink) {
    constexpr int page_size = 1000;
    sink(writer.head());
    results::CandidateId last = 0;
    while (!stop.stop_requested()) {
        const auto page = study.store->candidates_after(last, page_size);
        if (page.empty()) break;
        std::string text;
        for (const auto& candidate : page) text += writer.row(candidate);
        last = page.back().id;
        sink(text);
    }
    sink(writer.foot());
}

/// The file to write: what was named, or for a folder the one file in it, made anew each time.
fs::path file_for(const Format& format, const fs::path& output) {
    if (!format.is_folder) return output;
    std::error_code error;
    fs::create_directories(output, error);
    if (error || !fs::is_directory(output))
        throw std::runtime_error(
            fmt::format("{} is no folder and can't be made: {}", output.string(), error.message()));
    return output / "events.out.tfevents.0.normact";  // TensorBoard looks for "tfevents"
}

int run(const Arguments& arguments) {
    const Format& format = find_format(arguments.text("format"));
    if (!arguments.has("output") && !format.to_standard_output)
        throw UsageError(
            fmt::format("--format {} needs --output: a {}", format.name, format.is_folder ? "folder" : "file"));
    Study study = open_study(existing_study(arguments));
    const auto writer = format.make(study);
    if (!arguments.has("output")) {
        write(study, *writer, {}, [](const std::string& text) { answer(text); });
        return fine;
    }
    const std::string output = arguments.text("output");
    OutputFile file(file_for(format, output));
    const StopOnSignals signals([] {});  // a signal leaves no half of a file
    write(study, *writer, signals.token(), [&](const std::string& text) { file.write(text); });
    if (signals.signal() != 0) return 128 + signals.signal();
    file.finish();
    if (!format.next.empty()) tell(fmt::format(fmt::runtime(format.next), printable(output)) + "\n");
    return fine;
}

}  // namespace

const Command& export_study_command() {
    static const Command command{
        .name = "export-study",
        .summary = "All candidates of a study for other tools: csv, json, optuna, tensorboard.",
        .options = {study_option("the study (default: the only one in this folder)"),
                    {"format", "FORMAT", "csv, json, optuna or tensorboard", "csv"},
                    {"output", "PATH", "the file to write, for tensorboard a folder (default: standard output)", {}}},
        .details =
            "Examples:\n  normact export-study --study demo.study.db -o candidates.csv\n"
            "  normact export-study --study demo.study.db --format optuna -o demo.journal\n"
            "  normact export-study --study demo.study.db --format tensorboard -o runs/demo\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
