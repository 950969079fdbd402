#include "tools/study_server.h"

#include "results/store.h"
#include "tools/report_page.h"
#include "tools/request_guard.h"
#include "tools/study_pages.h"
#include "tools/study_server_connections.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <httplib.h>
#include <stdexcept>
#include <thread>

namespace normact::tools {
namespace {

using httplib::Request;
using httplib::Response;
using Routing = httplib::Server::HandlerResponse;

constexpr int bad_request = 400, no_token = 401, forbidden = 403, not_found = 404, wrong_method = 405,
              long_address = 414, broken = 500, away = 503;

const httplib::Headers& headers() {
    static const httplib::Headers all{
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
         "form-action 'none'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cache-Control", "no-store"}};
    return all;
}

void refuse(Response& response, int status, const std::string& why) {
    response.status = status;
    response.set_content(nlohmann::json{{"error", why}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                         "application/json");
}

/// Of answers that the library gives by itself.
const char* what_is_wrong(int status) {
    if (status == not_found) return "there is nothing here";
    if (status == long_address) return "the address is too long";
    return "this request can't be read";
}

/// Whether a request is answered at all.
Routing guard(const ServerSettings& settings, const Request& request, Response& response) {
    if (request.method != "GET" && request.method != "HEAD") {
        response.set_header("Allow", "GET, HEAD");
        refuse(response, wrong_method, "nothing can be changed here");
        return Routing::Handled;
    }
    const bool is_named = request.get_header_value_count("Host") == 1 &&
                          names_this_machine(request.get_header_value("Host"), settings.address);
    if (settings.token.empty() && !is_named) {
        refuse(response, forbidden, "only requests to this machine, by its own name, are answered");
        return Routing::Handled;
    }
    if (!settings.token.empty() && !brings_token(request.get_header_value("Authorization"), settings.token)) {
        response.set_header("WWW-Authenticate", "Basic realm=\"normact: any name, the token as password\"");
        refuse(response, no_token, "the token is missing or wrong");
        return Routing::Handled;
    }
    return Routing::Unhandled;
}

RequestParameters parameters_of(const Request& request) {
    RequestParameters parameters;
    for (const auto& [name, text] : request.params)
        if (!parameters.emplace(name, text).second) throw RequestError("a parameter is given twice");
    return parameters;
}

/// What went wrong, in the words of HTTP.
void explain(Response& response, const std::exception_ptr& problem) {
    try {
        std::rethrow_exception(problem);
    } catch (const RequestError& error) {
        refuse(response, bad_request, error.what());
    } catch (const results::StoreUnavailable& error) {
        refuse(response, away, error.what());
    } catch (const std::exception& error) {
        refuse(response, broken, error.what());
    }
}

}  // namespace

struct StudyServer::Parts {
    explicit Parts(ServerSettings given) : settings(std::move(given)), pages(settings.study) {}

    ServerSettings settings;
    StudyPages pages;
    BoundedServer server;
    int port = 0;
    std::atomic<bool> stopped = false, ended = false;
};

StudyServer::StudyServer(ServerSettings settings) : parts_(std::make_unique<Parts>(std::move(settings))) {
    const ServerSettings& chosen = parts_->settings;
    StudyPages& pages = parts_->pages;
    httplib::Server& server = parts_->server;
    int& port = parts_->port;
    server.set_default_headers(headers());
    server.set_socket_options([](socket_t socket) {  // the library's own would share the port with another server
        constexpr int yes = 1;
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server.set_pre_routing_handler(
        [&chosen](const Request& request, Response& response) { return guard(chosen, request, response); });
    server.set_exception_handler(
        [](const Request&, Response& response, const std::exception_ptr& problem) { explain(response, problem); });
    server.set_error_handler([](const Request&, Response& response) {
        if (response.body.empty()) refuse(response, response.status, what_is_wrong(response.status));
    });
    for (const ServedFile& file : served_files())
        server.Get(file.path,
                   [file](const Request&, Response& response) { response.set_content(file.content, file.type); });
    const auto tell = [&](const char* path, const auto& text_for) {
        server.Get(path, [text_for](const Request& request, Response& response) {
            response.set_content(text_for(parameters_of(request)), "application/json");
        });
    };
    tell("/api/report", [&pages](const RequestParameters&) { return pages.report(); });
    tell("/api/status", [&pages](const RequestParameters&) { return pages.status(); });
    tell("/api/candidates", [&pages](const RequestParameters& asked) { return pages.candidates(asked); });
    tell("/api/candidate", [&pages](const RequestParameters& asked) { return pages.candidate(asked); });
    tell("/api/difference", [&pages](const RequestParameters& asked) { return pages.difference(asked); });
    const bool bound = chosen.port == 0 ? (port = server.bind_to_any_port(chosen.address)) > 0
                                        : server.bind_to_port(chosen.address, port = chosen.port);
    if (!bound)
        throw std::runtime_error(
            fmt::format("{} port {} can't be had: it is in use, or no address of this machine. "
                        "Choose another one with --port and --address",
                        chosen.address, chosen.port));
}

StudyServer::~StudyServer() = default;

int StudyServer::port() const { return parts_->port; }

void StudyServer::run() {
    const bool listened = parts_->stopped || parts_->server.listen_after_bind();
    parts_->ended = true;
    if (!listened) throw std::runtime_error("the server can't listen");
}

void StudyServer::stop() {
    parts_->stopped = true;
    // Before it runs, the server takes no notice.
    while (!parts_->server.is_running() && !parts_->ended) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    parts_->server.stop();
}

}  // namespace normact::tools
