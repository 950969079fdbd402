// normact serve: a study in the browser, live.

#include "tools/command.h"
#include "tools/report_document.h"
#include "tools/request_guard.h"
#include "tools/stop_on_signals.h"
#include "tools/study_argument.h"
#include "tools/study_server.h"
#include "tools/terminal.h"

#include <fmt/format.h>

#include <memory>

namespace normact::tools {
namespace {

ServerSettings settings_of(const Arguments& arguments) {
    constexpr int most_port = 65535;
    ServerSettings settings;
    settings.address = arguments.text("address");
    settings.port = static_cast<int>(arguments.number("port", 0, most_port));
    if (arguments.has("token-file")) settings.token = read_token(arguments.text("token-file"));
    if (settings.token.empty() && !is_loopback(settings.address))
        throw UsageError(fmt::format(
            "on {} others could read the study: give a token with --token-file FILE, or leave --address out and reach "
            "this machine by: ssh -L {}:localhost:{} HOST",
            settings.address, settings.port, settings.port));
    settings.study.place = existing_study(arguments);
    if (arguments.has("reevaluation")) settings.study.reevaluation = arguments.text("reevaluation");
    if (arguments.has("speed")) settings.study.speed = timed_task();
    return settings;
}

std::string url_of(const ServerSettings& settings, int port) {
    const bool bracketed = settings.address.find(':') != std::string::npos;
    return fmt::format("http://{}:{}/", bracketed ? "[" + settings.address + "]" : settings.address, port);
}

int run(const Arguments& arguments) {
    const ServerSettings settings = settings_of(arguments);
    StudyServer server(settings);
    const StopOnSignals stop([&] { server.stop(); });  // before the server's threads, which take over its signals
    answer(fmt::format("{} is shown at {}  (Ctrl-C ends it)\n", printable(settings.study.place),
                       printable(url_of(settings, server.port()))));
    if (!settings.token.empty()) tell("A browser asks for a name, which may be any, and a password: the token.\n");
    server.run();
    return fine;
}

}  // namespace

const Command& serve_command() {
    static const Command command{
        .name = "serve",
        .summary = "A study in the browser, live: what `report` tells, and all candidates to search and compare.",
        .options = {study_option("the study (default: the only one in this folder)"),
                    {"port", "N", "the port; 0: any that is free", "8472"},
                    {"address", "A", "the address; others than this machine need a token", "127.0.0.1"},
                    {"reevaluation", "FILE", "tell what normact reevaluate --json printed into this file, too", {}},
                    {"speed", "", "time each layer that is opened: for a machine on which no search is running", {}},
                    {"token-file", "FILE", "a file with the token that each request must bring", {}}},
        .details =
            "Nothing can be changed through it: the study is opened for reading alone.\n\n"
            "Examples:\n  normact serve --study demo.study.db\n"
            "  normact serve --study service=lab#first --address 0.0.0.0 --token-file token\n",
        .run = run};
    return command;
}

}  // namespace normact::tools
