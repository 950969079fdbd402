#pragma once

#include "results/store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace normact::results {

/// One layer that was scored on every task, as a dot of a chart.
struct ScoredPoint {
    CandidateId candidate = 0;
    double mean = 0;      ///< of its accuracies
    double finished = 0;  ///< seconds since the study was made; NaN where that was not recorded
};

/// Workers of one host, device, engine and build, added up.
struct Contribution {
    std::string host, device, engine, build;
    std::int64_t workers = 0, evaluated = 0;
};

/// Where a page of candidates ended; the next one in the same order begins behind it.
struct PagePosition {
    double value = 0;      ///< that the page is sorted by; 0 where that is the id alone
    std::int64_t row = 0;  ///< which of the rows with this value
    bool operator==(const PagePosition&) const = default;
};

/// A part of a graph: an operation, a moment over an index set, or, with `op` empty, any moment over it.
struct GraphPart {
    std::optional<primitives::Op> op;
    primitives::IndexSet over = primitives::IndexSet::none;
    bool operator==(const GraphPart&) const = default;
};

/// Which candidates a page shows, and in which order.
struct CandidateQuery {
    enum class Order : std::uint8_t {
        best,    ///< distinct scored layers by their mean accuracy, or by that on `task`, best first
        worst,   ///< the same, worst first
        newest,  ///< all candidates by their ids
        oldest,
    } order = Order::best;
    std::string task;   ///< with best and worst: sorted by the accuracy on it; empty: by the mean
    std::string state;  ///< a column of the funnel, "scored" or "quality"; empty: any
    std::string origin;
    std::optional<CandidateId> parent;
    std::optional<primitives::Hash128> fingerprint;
    std::vector<GraphPart> with, without;
    std::optional<PagePosition> after;
    int limit = 50;  ///< 1 to most_of_a_page
};

struct CandidatePage {
    std::vector<Candidate> candidates;
    std::optional<PagePosition> next;  ///< nothing at the end. The page may be short, or empty, and not be the last.
};

inline constexpr int most_of_a_page = 200;
/// How many rows a page looks at before it is given out as it is: what a filter passes may be far apart.
inline constexpr std::int64_t most_rows_a_page = 20'000;

/// A study's database for those who only look at it: nothing can be written through this. Like a Store, for one thread
/// at a time. Members throw StoreError and StoreUnavailable.
class StudyView {
  public:
    virtual ~StudyView() = default;

    /// As the members of Store of these names.
    virtual std::string configuration() = 0;
    virtual Funnel funnel() = 0;
    virtual std::optional<Candidate> find(CandidateId id) = 0;

    /// Seconds since 1970 when the study was made.
    virtual double created() = 0;
    /// All layers with a mean accuracy, in the order of their ids.
    virtual std::vector<ScoredPoint> scored() = 0;
    /// Those of the ids that there are, in the order asked for; at most 1000.
    virtual std::vector<Candidate> candidates(std::span<const CandidateId> ids) = 0;
    /// The candidate, its parent, the parent's parent …, as far as there are any, at most `most`.
    virtual std::vector<Candidate> lineage(CandidateId id, int most) = 0;
    /// As the members of Store of these names.
    virtual std::optional<double> accuracy_at_rank(std::int64_t rank) = 0;
    virtual std::vector<Audit> audits() = 0;
    /// Who evaluated, those first who did most; at most `most` rows.
    virtual std::vector<Contribution> contributions(int most) = 0;
    /// Throws std::invalid_argument for a state that is no column of the funnel.
    virtual CandidatePage page(const CandidateQuery& query) = 0;
};

/// Opens a study to look at it. The file, or the server, may be one that this user can't write to. A study of an older
/// release is a StoreError that says how it is brought up to date.
std::unique_ptr<StudyView> open_study_view(const std::string& place);

}  // namespace normact::results
