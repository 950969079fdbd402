#include "tools/search_progress.h"

#include "primitives/text.h"
#include "tools/candidates.h"
#include "tools/terminal.h"

#include <fmt/format.h>

#include <algorithm>

namespace normact::tools {
namespace {

/// How long it takes from `now` to `goal` at the pace since `start`.
std::optional<Seconds> at_this_pace(std::int64_t start, std::int64_t now, std::int64_t goal, Seconds elapsed) {
    if (now >= goal) return Seconds(0);
    if (now <= start) return std::nullopt;
    return elapsed * (static_cast<double>(goal - now) / static_cast<double>(now - start));
}

std::optional<double> best_accuracy(results::Store& store) {
    const auto best = store.best(1);
    return best.empty() ? std::nullopt : results::mean_accuracy(best.front().outcome.scores);
}

}  // namespace

std::optional<Seconds> time_left(const search::Budget& budget, const results::Funnel& start, const results::Funnel& now,
                                 Seconds elapsed) {
    std::optional<Seconds> left;
    const auto consider = [&left](std::optional<Seconds> time) {
        if (time) left = std::min(left.value_or(*time), *time);
    };
    if (budget.minutes > 0) consider(std::max(Seconds(0), Seconds(budget.minutes * 60) - elapsed));
    if (budget.scored > 0) consider(at_this_pace(start.scored, now.scored, budget.scored, elapsed));
    if (budget.proposed > 0) consider(at_this_pace(start.proposed, now.proposed, budget.proposed, elapsed));
    return left;
}

SearchProgress::SearchProgress(const search::Budget& budget, std::unique_ptr<results::Store> store)
    : budget_(budget),
      store_(std::move(store)),
      start_(store_->funnel()),
      best_(best_accuracy(*store_)),
      line_([this](Seconds elapsed) { return line(elapsed); }) {}

void SearchProgress::report(const search::Event& event) {
    using Kind = search::Event::Kind;
    const results::Candidate& candidate = event.candidate;
    const std::string time = fmt::format("{:>7}", clock_text(elapsed()));
    const std::string reason = printable(candidate.outcome.reason);
    const auto mean = results::mean_accuracy(candidate.outcome.scores);
    if (event.kind == Kind::failed) print(fmt::format("{}  candidate {} failed: {}", time, candidate.id, reason));
    if (event.kind == Kind::claimed) recent_.add(fmt::format("{}  candidate {} begun", time, candidate.id));
    if (event.kind == Kind::rejected)
        recent_.add(fmt::format("{}  candidate {} rejected: {}{}", time, candidate.id, reason,
                                mean ? fmt::format("; audited: {}", accuracy_text(*mean)) : ""));
    if (event.kind != Kind::scored || !mean) return;
    if (becomes_best(*mean))
        print(fmt::format("{}  best {}  #{}  {}", time, accuracy_text(*mean), candidate.id,
                          primitives::to_text(candidate.graph)));
    else
        recent_.add(fmt::format("{}  candidate {} scored {}", time, candidate.id, accuracy_text(*mean)));
}

void SearchProgress::print(const std::string& line) {
    line_.print(line);
    recent_.add(line);
}

bool SearchProgress::becomes_best(double accuracy) {
    const std::scoped_lock lock(mutex_);
    if (best_ && accuracy <= *best_) return false;
    best_ = accuracy;
    return true;
}

std::string SearchProgress::line(Seconds elapsed) {
    results::Funnel funnel;
    try {
        funnel = store_->funnel();
    } catch (const results::StoreError&) {
        return clock_text(elapsed);  // the search itself meets the same error, and says so
    }
    std::string text = clock_text(elapsed);
    if (const auto left = time_left(budget_, start_, funnel, elapsed))
        text += fmt::format(", {} left", clock_text(*left));
    {
        const std::scoped_lock lock(mutex_);
        if (best_) text += fmt::format(" · best {}", accuracy_text(*best_));
    }
    // On a narrow terminal the end is cut off: what matters most comes first.
    return text + fmt::format(" · {} scored · {} candidates/h · {}", funnel.scored,
                              count_per_hour(funnel.proposed - start_.proposed, elapsed), funnel_text(funnel));
}

}  // namespace normact::tools
