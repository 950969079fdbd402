#include "tools/report_page.h"

#include "tools/page_files.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <vector>

namespace normact::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 3> scripts_in_order{"charts.js", "page.js", "browse.js"};
constexpr auto report_scripts = std::span(scripts_in_order).first<2>();  ///< all but the live page's

const EmbeddedFile& embedded(std::string_view name) {
    const auto* const found = std::ranges::find(page_files, name, &EmbeddedFile::name);
    if (found == page_files.end()) throw std::logic_error("no file of the page has this name");
    return *found;
}

std::string base64_of_hexadecimal(std::string_view digits) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < digits.size(); at += 6) {  // three bytes are four letters
        const std::string_view part = digits.substr(at, 6);
        std::uint32_t bits = 0;
        std::from_chars(part.data(), part.data() + part.size(), bits, 16);
        bits <<= 4 * (6 - part.size());
        for (std::size_t i = 0; i < 4; ++i) text += i <= part.size() / 2 ? letters[(bits >> (18 - 6 * i)) & 63] : '=';
    }
    return text;
}

std::string hash_source(std::string_view name) {
    return " 'sha256-" + base64_of_hexadecimal(embedded(name).sha256) + "'";
}

std::string filled(std::string_view form, const std::vector<std::pair<std::string_view, std::string>>& values) {
    std::string text;
    for (;;) {
        const auto at = form.find("{{");
        text += form.substr(0, at);
        if (at == std::string_view::npos) return text;
        const auto end = form.find("}}", at);
        const auto value = std::ranges::find(values, form.substr(at + 2, end - at - 2),
                                             &std::pair<std::string_view, std::string>::first);
        if (value == values.end()) throw std::logic_error("the page has a place that nothing fills");
        text += value->second;
        form.remove_prefix(end + 2);
    }
}

/// JSON within a script element, which ends at "</script", and where "<!--" begins a comment.
std::string json_in_html(const Json& document) {
    std::string text;
    for (const char c : document.dump(-1, ' ', false, Json::error_handler_t::replace))
        text += c == '<' ? std::string("\\u003c") : std::string(1, c);
    return text;
}

std::string text_of(const Json& value) {
    if (value.is_string()) return html_text(value.get<std::string>());
    if (value.is_number_float()) return fmt::format("{:.4f}", value.get<double>());
    return value.is_null() ? "–" : html_text(value.dump());
}

/// The report in words and one table, for readers without JavaScript.
std::string fallback_of(const Json& document) {
    std::string text =
        "<p>A search for normalization-activation layers, as of " + text_of(document["made"]) + ".</p>\n<p>";
    for (const auto& [state, count] : document["funnel"].items())
        text += html_text(state) + " " + text_of(count) + (state == "open" ? "" : ", ");
    text +=
        "</p>\n<table><caption>The best layers</caption><thead><tr><th>rank</th><th>id</th><th>mean</th><th>origin"
        "</th><th>layer</th></tr></thead><tbody>\n";
    for (const Json& layer : document["layers"]) {
        text += "<tr>";
        for (const char* key : {"rank", "candidate", "mean", "origin", "text"})
            text += fmt::format("<td>{}</td>", text_of(layer[key]));
        text += "</tr>\n";
    }
    return text + "</tbody></table>\n<noscript><p>Charts and details need JavaScript.</p></noscript>";
}

}  // namespace

std::string html_text(std::string_view text) {
    const std::string valid =
        Json::parse(Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
    std::string escaped;
    for (const char c : valid) {
        switch (c) {
            case '&':
                escaped += "&amp;";
                break;
            case '<':
                escaped += "&lt;";
                break;
            case '>':
                escaped += "&gt;";
                break;
            case '"':
                escaped += "&quot;";
                break;
            case '\'':
                escaped += "&#39;";
                break;
            default:
                escaped += c;
        }
    }
    return escaped;
}

std::string report_page(const Json& document) {
    std::string scripts, script_hashes;
    for (const std::string_view name : report_scripts) {
        scripts += "<script>" + std::string(embedded(name).content) + "</script>\n";
        script_hashes += hash_source(name);
    }
    const std::string policy = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src" +
                               hash_source("style.css") + "; script-src" + script_hashes;
    return filled(embedded("index.html").content,
                  {{"security", "<meta http-equiv=\"Content-Security-Policy\" content=\"" + policy + "\">"},
                   {"title", html_text(document["study"].get<std::string>())},
                   {"style", "<style>" + std::string(embedded("style.css").content) + "</style>"},
                   {"fallback", fallback_of(document)},
                   {"data", "<script type=\"application/json\" id=\"report\">" + json_in_html(document) + "</script>"},
                   {"scripts", scripts}});
}

namespace {

std::string served_page() {
    std::string scripts;
    for (const std::string_view name : scripts_in_order) scripts += fmt::format("<script src=\"{}\"></script>\n", name);
    return filled(embedded("index.html").content,
                  {{"security", ""},
                   {"title", "normact"},
                   {"style", "<link rel=\"stylesheet\" href=\"style.css\">"},
                   {"fallback",
                    "<p>Reading the study …</p><noscript><p>This page needs JavaScript. Without it: "
                    "<a href=\"api/report\">the report as JSON</a>.</p></noscript>"},
                   {"data", ""},
                   {"scripts", scripts}});
}

}  // namespace

std::vector<ServedFile> served_files() {
    std::vector<ServedFile> files;
    for (const EmbeddedFile& file : page_files) {
        if (file.name == "index.html")
            files.push_back({"/", served_page(), "text/html; charset=utf-8"});
        else
            files.push_back(
                {"/" + std::string(file.name), std::string(file.content),
                 file.name.ends_with(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8"});
    }
    return files;
}

}  // namespace normact::tools
