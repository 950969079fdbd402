#pragma once

#include "primitives/graph.h"
#include "primitives/hash.h"
#include "proxy_tasks/outcome.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace normact::results {

using CandidateId = std::int64_t;
using WorkerId = std::int64_t;

/// A study's database that can't be used: missing, damaged, foreign, of another release, read-only, full.
/// The message says what to do.
class StoreError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A database that is away or busy. The same call may work in a while; what it was to record may be recorded or not.
class StoreUnavailable : public StoreError {
  public:
    using StoreError::StoreError;
};

/// A worker that may not work for the study any more, because what it found was taken back or was wrong.
class WorkerRefused : public StoreError {
  public:
    using StoreError::StoreError;
};

/// Who did the work: recorded with each score, so that all scores of a faulty source can be found.
struct Worker {
    std::string host;
    std::int64_t process = 0;
    std::string device;  ///< "cpu: AMD EPYC …"
    std::string engine;
    std::string build;  ///< version and compiler of this program and of LibTorch
};

/// A layer proposed by the evolution, before anything is known of it.
struct Proposal {
    primitives::LayerGraph graph;  ///< canonical
    primitives::Hash128 hash;
    primitives::Hash128 fingerprint;
    std::optional<CandidateId> parent;  ///< none for a random or an initial layer
    std::string origin;                 ///< "random", "mutation" or the initial layer's name
    std::string invalid;                ///< why it is invalid; empty if it is not
};

/// What the store says to a proposal.
struct Admission {
    enum class Verdict {
        claimed,    ///< new: the caller holds the lease and evaluates it
        duplicate,  ///< its fingerprint is known or being evaluated: shares that outcome, now or when it is there
        invalid,    ///< recorded as invalid
    };
    CandidateId candidate = 0;
    Verdict verdict = Verdict::claimed;
};

/// An evaluation to do: a new one, or one whose worker died.
struct Claim {
    CandidateId candidate = 0;  ///< the first candidate with this fingerprint
    primitives::LayerGraph graph;
    primitives::Hash128 fingerprint;
    int attempt = 1;
};

/// A candidate with what became of it.
struct Candidate {
    CandidateId id = 0;
    primitives::LayerGraph graph;
    primitives::Hash128 hash;
    primitives::Hash128 fingerprint;
    std::optional<CandidateId> parent;
    std::string origin;
    enum class State { open, rejected, scored, quarantined } state = State::open;
    proxy_tasks::Outcome outcome;  ///< shared by all candidates with its fingerprint
    CandidateId evaluated = 0;     ///< whose graph is the one evaluated: the first with this fingerprint; 0 if invalid
    std::optional<double> finished;  ///< when the evaluation was, in seconds since 1970 by the database's clock
};

/// How a state and a rejection are called: in the tables, and where people and programs read them.
std::string_view name(Candidate::State state);
std::string_view name(proxy_tasks::Rejection rejection);

/// The mean accuracy over the tasks; nothing without scores.
std::optional<double> mean_accuracy(std::span<const proxy_tasks::Score> scores);

/// What others see of a worker.
struct WorkerStatus {
    struct Claim {
        CandidateId candidate = 0;
        proxy_tasks::Progress progress;
    };
    WorkerId id = 0;
    Worker worker;
    std::chrono::seconds age{};   ///< since it came
    std::chrono::seconds seen{};  ///< since its last sign of life
    std::int64_t evaluated = 0;   ///< results of its own
    std::string refused;          ///< why it may not work any more; empty if it may
    std::vector<Claim> claims;
};

/// Whose scores are wrong: one worker, all of a host, or all of a build. Exactly one is given.
struct Source {
    std::optional<WorkerId> worker;
    std::optional<std::string> host, build;
};

/// How much was taken back from a source.
struct TakenBack {
    std::int64_t evaluations = 0;
    std::int64_t trials = 0;   ///< of re-evaluations (trials.h)
    std::int64_t workers = 0;  ///< that the source is; they get no more work

    bool operator==(const TakenBack&) const = default;
};

/// A score to repeat.
struct Canary {
    Candidate candidate;
    WorkerId found_by = 0;
};

/// A rejected layer that was fully scored all the same.
struct Audit {
    proxy_tasks::Rejection filter{};  ///< that rejected it
    double accuracy = 0;              ///< mean over the tasks
};

/// How many candidates went which way. proposed = invalid + duplicate + quality + stability + scored + quarantined +
/// open.
struct Funnel {
    std::int64_t proposed = 0, invalid = 0, duplicate = 0, quality = 0, stability = 0, scored = 0, quarantined = 0,
                 open = 0;
    std::int64_t last_position = 0;  ///< where a call of scored_since would end now
};

/// A count of the funnel, by the name that it has in tables and documents.
struct FunnelCount {
    std::string_view name;
    std::int64_t Funnel::*count;
};
inline constexpr std::array funnel_counts{
    FunnelCount{"proposed", &Funnel::proposed},       FunnelCount{"invalid", &Funnel::invalid},
    FunnelCount{"duplicate", &Funnel::duplicate},     FunnelCount{"quality", &Funnel::quality},
    FunnelCount{"stability", &Funnel::stability},     FunnelCount{"scored", &Funnel::scored},
    FunnelCount{"quarantined", &Funnel::quarantined}, FunnelCount{"open", &Funnel::open}};

/// A study's database. Any number of threads and processes may use one study at once, each thread through a Store of
/// its own. Each member is one transaction: it is done whole or not at all.
class Store {
  public:
    virtual ~Store() = default;

    /// The study's configuration as it was stored when the study was made.
    virtual std::string configuration() = 0;

    /// What tells this study from any other, also from one of the same name made later.
    virtual std::string identity() = 0;

    /// Registers a worker; its id goes with its claims and scores.
    virtual WorkerId add_worker(const Worker& worker) = 0;

    /// Records a candidate and claims its evaluation if its fingerprint is new. Throws WorkerRefused, as `reclaim` and
    /// `finish` do.
    virtual Admission propose(WorkerId worker, const Proposal& proposal, std::chrono::seconds lease) = 0;

    /// Takes over an evaluation whose lease has run out, if there is one. After `maximum_attempts` the layer is
    /// quarantined instead, with what is known of its last attempt.
    virtual std::optional<Claim> reclaim(WorkerId worker, std::chrono::seconds lease, int maximum_attempts) = 0;

    /// Holds on to a claim, and tells others how far its evaluation is. False if another worker has it by now.
    virtual bool renew(WorkerId worker, const primitives::Hash128& fingerprint, std::chrono::seconds lease,
                       const proxy_tasks::Progress& progress = {}) = 0;

    /// Gives a claim back unfinished: it is open to others at once and the attempt doesn't count.
    virtual void release(WorkerId worker, const primitives::Hash128& fingerprint) = 0;

    /// Records the outcome, from whichever worker: the first one stays, also one that comes after the layer was
    /// quarantined. False if there was one already. Throws std::invalid_argument if the outcome is neither rejected
    /// nor has scores, StoreError if no candidate has this fingerprint.
    virtual bool finish(WorkerId worker, const primitives::Hash128& fingerprint,
                        const proxy_tasks::Outcome& outcome) = 0;

    /// Records why an attempt failed (an error of the program or machine, not of the layer), with the last lines of the
    /// worker's log, and gives the claim back.
    virtual void fail(WorkerId worker, const primitives::Hash128& fingerprint, const std::string& reason,
                      const std::string& log = {}) = 0;

    /// Keeps the last lines of a worker's log, for the case that it can say nothing any more: they become part of the
    /// reason where an evaluation that it holds is the last attempt at a layer. Replaces earlier ones.
    virtual void keep_log(WorkerId worker, const std::string& tail) = 0;

    /// Candidates (duplicates included) that became scored after the position `after` of an earlier call (0 at first),
    /// oldest first, at most `limit`; `position` receives where to go on.
    virtual std::vector<Candidate> scored_since(std::int64_t after, int limit, std::int64_t& position) = 0;

    /// The distinct scored layers (one a fingerprint) with the highest mean accuracy, best first; of equal ones the
    /// older one first. A layer with an accuracy that is not a number is never among them.
    virtual std::vector<Candidate> best(int count) = 0;

    /// The mean accuracy of the distinct scored layer at this rank, 1 being the best; nothing if there are fewer.
    virtual std::optional<double> accuracy_at_rank(std::int64_t rank) = 0;

    /// The audited layers, one a fingerprint, by filter and accuracy.
    virtual std::vector<Audit> audits() = 0;

    virtual std::optional<Candidate> find(CandidateId id) = 0;

    /// All candidates of whatever fate whose id is above `id`, in the order of their ids, at most `count`: a study in
    /// pages. Each page is read by itself, so what becomes of candidates meanwhile shows in the later ones.
    virtual std::vector<Candidate> candidates_after(CandidateId id, int count) = 0;

    /// Who evaluated the layer with this fingerprint: where a repetition may expect the same accuracy to the last bit.
    /// Nothing unless it was scored or rejected by an evaluation.
    virtual std::optional<Worker> evaluated_by(const primitives::Hash128& fingerprint) = 0;

    virtual Funnel funnel() = 0;

    /// Records that a worker is no more. Its claims stay until they are given back or their leases run out.
    virtual void end_worker(WorkerId worker) = 0;

    /// The workers that have not ended and gave a sign of life (a proposal, a claim, a result or a renewal) in this
    /// time, with the claims that they hold, oldest worker first.
    virtual std::vector<WorkerStatus> workers(std::chrono::seconds seen_within) = 0;

    /// How many evaluations were finished in the last `window`.
    virtual std::int64_t finished_within(std::chrono::seconds window) = 0;

    /// The quarantined layers, the newest first, with the reason in their outcomes.
    virtual std::vector<Candidate> quarantined(int count) = 0;

    /// Opens all quarantined layers for attempts anew. Returns how many that were.
    virtual std::int64_t retry_quarantined() = 0;

    /// Takes back what a faulty source found: its layers are evaluated anew, by others, and count as open until then;
    /// so are its trials (trials.h).
    /// Its workers are refused from now on; new ones of the same host or build are not. Returns how much that was. Who
    /// has read the scores before (a population) may still breed from them.
    virtual TakenBack invalidate(const Source& source) = 0;

    /// Keeps a worker from working any more.
    virtual void refuse(WorkerId worker, const std::string& reason) = 0;

    /// A scored layer that a repetition should give the same scores, and who found them: the cheapest by a worker with
    /// the same engine, device and build as this one, else nothing.
    virtual std::optional<Canary> canary(const Worker& worker) = 0;
};

}  // namespace normact::results
