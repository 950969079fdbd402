// normact export-study: all candidates of a study, for other tools.

#include "tools/command.h"
#include "tools/study_argument.h"
#include "tools/study_writer.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>

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

/// Writes page after page: neither the study nor what comes of it is ever in memory as a whole.
void write(Study& study, StudyWriter& writer, const Sink& sink) {
    constexpr int page_size = 1000;
    sink(writer.head());
    results::CandidateId last = 0;
    while (true) {
        const auto page = study.store->candidates_after(last, page_size);
        if (page.empty()) break;
        std::string text;
        for (const auto& candidate : page) text += writer.row(candidate);
        last = page.back().id;
        sink(text);
    }
    sink(writer.foot());
}

/// A file that has its name only when it is whole. Of several that are written at once, each is whole; the last one
/// stays.
class NewFile {
  public:
    explicit NewFile(fs::path path)
        : path_(std::move(path)),
          partial_(path_.parent_path() /
                   fmt::format(".{}.partial-{}", path_.filename().string(), std::random_device()())) {
        file_.open(partial_, std::ios::binary | std::ios::trunc);
        check();
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        std::error_code ignored;
        fs::remove(partial_, ignored);
    }

    void write(const std::string& text) {
        file_ << text;
        check();
    }
    void finish() {
        file_.close();
        check();
        fs::rename(partial_, path_);
    }

  private:
    void check() const {
        if (!file_) throw std::runtime_error(fmt::format("can't write {}: {}", path_.string(), std::strerror(errno)));
    }

    fs::path path_, partial_;
    std::ofstream file_;
};

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
        write(study, *writer, [](const std::string& text) { answer(text); });
        return fine;
    }
    const std::string output = arguments.text("output");
    NewFile file(file_for(format, output));
    write(study, *writer, [&](const std::string& text) { file.write(text); });
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
