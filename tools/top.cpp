// normact top: the best layers of a study so far.

#include "tools/candidates.h"
#include "tools/command.h"
#include "tools/filter_audit.h"
#include "tools/invocation.h"
#include "tools/json_output.h"
#include "tools/study_argument.h"
#include "tools/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

namespace normact::tools {
namespace {

int run(const Arguments& arguments) {
    constexpr int most = 1'000'000;
    const auto count = static_cast<int>(arguments.number("count", 1, most));
    const Study study = open_study(existing_study(arguments));
    if (arguments.has("json")) {
        answer(printed(best_document("normact/top", study, count)));
        return fine;
    }
    const auto best = study.store->best(count);
    const std::string table = best.empty()
                                  ? fmt::format("{} has no scored layer yet. Go on with: {}\n", printable(study.path),
                                                command_line({"search", "--study", study.path}))
                                  : best_table(best, study.configuration.evolution.cost, terminal_width(STDOUT_FILENO));
    answer(fmt::format("{}\n{}\n{}", table, funnel_text(study.store->funnel()),
                       audit_text(results::judge_filters(*study.store))));
    return fine;
}

}  // namespace

const Command& top_command() {
    static const Command command{
        .name = "top",
        .summary = "The best layers of a study so far. Layers that compute the same function count once.",
        .options = {study_option("the study (default: the only one in this folder)"),
                    {"count", "N", "how many layers", "10"},
                    {"json", "", "print JSON, see docs/commands.md", {}}},
        .details = "Example:\n  normact top --study demo.study.db --count 5\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
