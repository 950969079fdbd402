#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace normact::tools {

/// A text for HTML, in an element or in an attribute's quotes. Bytes that are no UTF-8 are replaced.
std::string html_text(std::string_view text);

/// A report (report_document.h) as one page that needs nothing else. It says the most important also where JavaScript
/// does not run. Its content security policy lets run what the page brings, by its hashes, and nothing else; it loads
/// nothing.
std::string report_page(const nlohmann::ordered_json& document);

/// One file of the page as `normact serve` gives it out.
struct ServedFile {
    std::string path;  ///< "/page.js"
    std::string content;
    std::string type;
};
std::vector<ServedFile> served_files();

}  // namespace normact::tools
