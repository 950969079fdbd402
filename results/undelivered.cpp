#include "results/undelivered.h"

#include "primitives/json_error.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace normact::results {
namespace fs = std::filesystem;
namespace {

constexpr const char* ending = ".json";

nlohmann::ordered_json as_json(WorkerId worker, const primitives::Hash128& fingerprint,
                               const proxy_tasks::Outcome& outcome) {
    nlohmann::ordered_json scores = nlohmann::ordered_json::array();
    for (const proxy_tasks::Score& score : outcome.scores)
        scores.push_back({{"task", score.task},
                          {"replicate", score.replicate},
                          {"accuracy", score.accuracy},  // null where it is not a number
                          {"seconds", score.seconds}});
    return {{"format", "normact/outcome"},
            {"version", 1},
            {"worker", worker},
            {"fingerprint", to_string(fingerprint)},
            {"rejection", std::string(name(outcome.rejection))},
            {"reason", outcome.reason},
            {"seconds", outcome.seconds},
            {"scores", std::move(scores)}};
}

struct Content {
    WorkerId worker = 0;
    primitives::Hash128 fingerprint;
    proxy_tasks::Outcome outcome;
};

proxy_tasks::Rejection rejection_of(const std::string& text) {
    for (const auto rejection : proxy_tasks::rejections)
        if (text == name(rejection)) return rejection;
    throw std::runtime_error("\"" + text + "\" is no rejection");
}

/// Throws std::exception for what is no outcome.
Content parse(const std::string& text) {
    const auto json = nlohmann::json::parse(text);
    if (json.at("format") != "normact/outcome" || json.at("version") != 1)
        throw std::runtime_error("it is no outcome of this release");
    Content content;
    content.worker = json.at("worker").get<WorkerId>();
    const auto fingerprint = primitives::parse_hash(json.at("fingerprint").get<std::string>());
    if (!fingerprint) throw std::runtime_error("it has no fingerprint");
    content.fingerprint = *fingerprint;
    content.outcome.rejection = rejection_of(json.at("rejection").get<std::string>());
    content.outcome.reason = json.at("reason").get<std::string>();
    content.outcome.seconds = json.at("seconds").get<double>();
    for (const auto& score : json.at("scores")) {
        const auto& accuracy = score.at("accuracy");
        content.outcome.scores.push_back({score.at("task").get<std::string>(), score.at("replicate").get<int>(),
                                          accuracy.is_null() ? std::nan("") : accuracy.get<double>(),
                                          score.at("seconds").get<double>()});
    }
    return content;
}

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    if (!file) throw std::runtime_error("it can't be read");
    return text;
}

std::vector<fs::path> letters_in(const fs::path& folder) {
    std::vector<fs::path> letters;
    std::error_code none;
    for (fs::directory_iterator entry(folder, none), end; entry != end; entry.increment(none))
        if (entry->path().extension() == ending) letters.push_back(entry->path());
    return letters;
}

}  // namespace

Undelivered::Letter Undelivered::keep(WorkerId worker, const primitives::Hash128& fingerprint,
                                      const proxy_tasks::Outcome& outcome) const {
    std::error_code error;
    fs::create_directories(folder_, error);
    const std::string text =
        as_json(worker, fingerprint, outcome).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    const Letter letter = folder_ / (std::to_string(worker) + "-" + to_string(fingerprint) + ending);
    const fs::path draft = letter.string() + "." + std::to_string(std::random_device()());
    std::ofstream file(draft, std::ios::binary);
    file << text;
    file.close();
    if (file) fs::rename(draft, letter, error);  // whole or not at all
    if (!file || error) {
        std::error_code ignored;
        fs::remove(draft, ignored);
        throw StoreError(letter.string() + ": an outcome can't be kept until the database is back" +
                         (error ? ": " + error.message() : "") +
                         ". Make room, or set XDG_STATE_HOME to another folder");
    }
    return letter;
}

void Undelivered::remove(const Letter& letter) {
    std::error_code ignored;  // another worker may have delivered it
    fs::remove(letter, ignored);
}

int Undelivered::deliver(Store& store, const std::function<void(const std::string&)>& tell) const {
    int delivered = 0;
    for (const fs::path& letter : letters_in(folder_)) {
        try {
            const Content content = parse(read(letter));
            store.finish(content.worker, content.fingerprint, content.outcome);
            remove(letter);
            ++delivered;
        } catch (const StoreUnavailable&) {
            throw;
        } catch (const std::exception& error) {
            std::error_code moved;
            if (!fs::exists(letter, moved)) continue;  // delivered by another worker meanwhile
            fs::rename(letter, letter.string() + ".refused", moved);
            tell(letter.string() + ": an outcome from before could not be recorded and was set aside as .refused: " +
                 primitives::plain_message(error));
        }
    }
    return delivered;
}

std::filesystem::path undelivered_folder(const std::string& place, const std::string& identity) {
    const auto variable = [](const char* name) -> std::string {
        const char* value = std::getenv(name);
        return value != nullptr ? value : "";
    };
    fs::path state = variable("XDG_STATE_HOME");
    if (state.empty()) state = fs::path(variable("HOME").empty() ? "/tmp" : variable("HOME")) / ".local" / "state";
    std::string plain;
    for (const char c : place)
        plain += (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-') ? c : '_';
    return state / "normact" / "undelivered" / (plain.substr(0, 200) + "-" + identity);
}

}  // namespace normact::results
