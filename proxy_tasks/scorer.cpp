#include "proxy_tasks/scorer.h"

#include "evaluator/layer_module.h"
#include "primitives/hash.h"
#include "proxy_tasks/anchor_cost.h"
#include "proxy_tasks/anchors.h"
#include "proxy_tasks/audit.h"
#include "proxy_tasks/dataset.h"
#include "proxy_tasks/device_training.h"
#include "proxy_tasks/gan_training.h"
#include "proxy_tasks/gpu.h"
#include "proxy_tasks/short_errors.h"
#include "proxy_tasks/stability.h"
#include "proxy_tasks/together_or_alone.h"
#include "proxy_tasks/training.h"
#include "proxy_tasks/yardstick.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

namespace normact::proxy_tasks {
namespace {

/// Made by the first evaluation that needs it; the others wait.
struct SharedYardstick {
    std::mutex mutex;  // of made
    std::optional<Yardstick> made;

    const Yardstick& get(const Dataset& dataset, int crop, const Checkpoint& checkpoint) {
        const std::scoped_lock lock(mutex);
        if (!made) made.emplace(dataset, crop, checkpoint);
        return *made;
    }
};

/// What all evaluations share.
struct Tasks {
    ScoringSettings settings;
    HeldOut held_out;
    const evaluator::Engine& engine;
    c10::Device device;  ///< of the engine
    Dataset dataset;
    std::optional<DeviceDataset> on_device;  ///< if that is not the CPU
    std::vector<Anchor> anchors;             ///< the cheapest first
    std::unique_ptr<SharedYardstick> yardstick;

    std::string name(const Anchor& anchor) const { return settings.dataset.name + "/" + anchor.name; }
    /// How many of the held-out images give a score: all if there are fewer.
    std::int64_t scored_images() const {
        const bool all = held_out == HeldOut::test;
        return all ? dataset.validation.pixels.size(0) : std::int64_t{settings.training.validation_images};
    }
};

class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Calls `find`; a name that is not there is reported under the setting that gave it.
template <class Find>
decltype(auto) named_by(std::string_view key, Find find) {
    try {
        return find();
    } catch (const std::invalid_argument& error) {
        throw std::invalid_argument(std::string(key) + ": " + error.what());
    }
}

/// Throws std::invalid_argument unless the anchor's task can be had of these images by this engine.
void check_task(const Anchor& anchor, const Tasks& tasks) {
    const bool masks = tasks.dataset.train.have_masks(), wants_masks = anchor.task == Task::segmentation;
    const std::string data = "scoring.dataset.name is " + tasks.settings.dataset.name;
    if (wants_masks && !masks)
        throw std::invalid_argument(anchor.name + " segments, but " + data + ", which has no masks; shapes has");
    if (masks && !wants_masks)
        throw std::invalid_argument(anchor.name + " needs images with classes, but " + data +
                                    ", which has masks; unet-tiny takes them");
    if (anchor.task != Task::classification && !tasks.device.is_cpu())
        throw std::invalid_argument(anchor.name + " trains on the CPU alone, but scoring.engine is " +
                                    tasks.settings.engine + "; take cpu");
    if (const int least = smallest_side(anchor); tasks.settings.training.crop < least)
        throw std::invalid_argument("scoring.training.crop is " + std::to_string(tasks.settings.training.crop) + "; " +
                                    anchor.name + " wants at least " + std::to_string(least));
    if (const int crop = tasks.settings.training.crop, factor = enlargement(anchor);
        anchor.task == Task::generation && crop % factor != 0)
        throw std::invalid_argument("scoring.training.crop is " + std::to_string(crop) + "; for " + anchor.name +
                                    " it must be a multiple of " + std::to_string(factor));
}

Tasks prepare(const ScoringSettings& settings, HeldOut held_out) {
    validate(settings);
    const auto& engine = named_by(
        "scoring.engine", [&]() -> auto& { return evaluator::find_engine(settings.engine); });
    if (engine.device() != c10::DeviceType::CPU) {
        load_gpu_support();
        set_gpu_arithmetic(settings.precision == Precision::tf32);
    }
    Tasks tasks{settings, held_out, engine, device_of(engine.device()),
                {},       {},       {},     std::make_unique<SharedYardstick>()};
    for (const std::string& name : settings.anchors)
        tasks.anchors.push_back(named_by("scoring.anchors", [&] { return find_anchor(name); }));
    tasks.dataset = named_by("scoring.dataset.name", [&] { return load_dataset(settings.dataset); });
    if (held_out == HeldOut::test) tasks.dataset.validation = load_test_images(settings.dataset);
    for (const Anchor& anchor : tasks.anchors) check_task(anchor, tasks);
    const auto& pixels = tasks.dataset.train.pixels;
    const auto cost = [&](const Anchor& anchor) {
        return anchor_cost(anchor, static_cast<int>(pixels.size(1)), settings.training.crop).total();
    };
    std::ranges::stable_sort(tasks.anchors, {}, cost);
    // Crop and batches have to fit the images: find out now, not at the first candidate.
    check_batches(tasks.dataset, settings.training.batch, settings.training.crop, "scoring.training.batch");
    check_batches(tasks.dataset, settings.stability.batch, settings.training.crop, "scoring.stability.batch");
    if (!tasks.device.is_cpu()) tasks.on_device = on_device(tasks.dataset, tasks.device);
    return tasks;
}

/// One layer on its way through the filters to its scores.
class Evaluation {
  public:
    Evaluation(const Tasks& tasks, const primitives::LayerGraph& graph, const primitives::LayerSettings& layer,
               std::uint64_t seed, int replicate, const std::stop_token& stop,
               const std::function<void(const Progress&)>& progress)
        : tasks_(tasks),
          seed_(seed),
          replicate_(replicate),
          hash_(primitives::hash(graph)),
          make_layer_([compiled = std::shared_ptr(tasks.engine.compile(graph, layer))](std::int64_t channels) {
              return torch::nn::AnyModule(evaluator::LayerModule(compiled, channels));
          }),
          stop_(stop),
          progress_(progress),
          runs_(tasks.anchors.size()) {}

    /// From now on the random numbers are those of all layers.
    void share_random_numbers() { hash_ = {}; }

    /// True if the layer learns something in its first steps on every anchor but generators; else `outcome` says on
    /// which not.
    bool learns_early(Outcome& outcome) {
        const QualityFilter& filter = tasks_.settings.quality;
        for (std::size_t i = 0; filter.steps > 0 && i < runs_.size(); ++i) {
            if (tasks_.anchors[i].task == Task::generation) continue;  // untrained ones are close to the images, too
            train(i, "quality", filter.steps);
            const double accuracy = validate(i, filter.images);
            if (accuracy >= filter.minimum_accuracy) continue;
            const Training& training = *runs_[i].training;
            std::ostringstream reason;
            reason << tasks_.anchors[i].name << ": " << std::fixed << std::setprecision(2);
            training.diverged() ? reason << "loss not finite"
                                : reason << measure_of(tasks_.anchors[i]) << " " << accuracy;
            reason << " after " << training.steps_done() << " steps";
            outcome.rejection = Rejection::quality;
            outcome.reason = reason.str();
            return false;
        }
        return true;
    }

    /// True if the layer's gradients can't be driven up on any anchor but generators; else `outcome` says on which they
    /// can.
    bool is_stable(Outcome& outcome) {
        const StabilityFilter& filter = tasks_.settings.stability;
        for (std::size_t i = 0; filter.steps > 0 && i < runs_.size(); ++i) {
            const Anchor& anchor = tasks_.anchors[i];
            if (anchor.task == Task::generation) continue;  // its loss is a game, not one of a batch
            int step = 0;
            const auto blow_up = ascend(anchor, [&] { pause("stability", anchor, step++, filter.steps); });
            if (!blow_up) continue;
            std::ostringstream reason;
            reason << anchor.name << ": gradient norm " << std::setprecision(2) << blow_up->gradient_norm << " after "
                   << blow_up->step << " steps of ascent";
            outcome.rejection = Rejection::stability;
            outcome.reason = reason.str();
            return false;
        }
        return true;
    }

    /// The full training and its accuracy on every anchor, in the order of the settings.
    void score(Outcome& outcome) {
        const TrainingSettings& settings = tasks_.settings.training;
        for (std::size_t i = 0; i < runs_.size(); ++i) {
            train(i, "training", settings.steps);
            const double accuracy = validate(i, tasks_.scored_images());
            outcome.scores.push_back({tasks_.name(tasks_.anchors[i]), replicate_, accuracy, runs_[i].seconds});
            runs_[i].training.reset();
        }
        const auto& wanted = tasks_.settings.anchors;
        std::ranges::stable_sort(outcome.scores, {}, [&](const Score& score) {
            return std::ranges::find_if(wanted, [&](const auto& name) { return score.task.ends_with("/" + name); });
        });
    }

  private:
    struct Run {
        std::unique_ptr<Training> training;
        double seconds = 0;
    };

    Trial trial(const Anchor& anchor) const { return {seed_, hash_, tasks_.name(anchor), replicate_}; }

    void pause(const char* stage, const Anchor& anchor, int step, int steps) const {
        if (stop_.stop_requested()) throw Stopped();
        if (progress_) progress_({std::string(stage) + " " + anchor.name, step, steps});
    }

    std::unique_ptr<Training> start_training(const Anchor& anchor) const {
        const TrainingSettings& settings = tasks_.settings.training;
        if (anchor.task == Task::generation)
            return std::make_unique<GanTraining>(
                anchor, tasks_.dataset, settings, make_layer_,
                tasks_.yardstick->get(tasks_.dataset, settings.crop, [&] { pause("yardstick", anchor, 0, 1); }),
                trial(anchor));
        if (tasks_.on_device)
            return std::make_unique<DeviceTraining>(anchor, tasks_.dataset, *tasks_.on_device, settings,
                                                    tasks_.settings.precision, make_layer_, trial(anchor));
        return std::make_unique<CpuTraining>(anchor, tasks_.dataset, settings, make_layer_, trial(anchor));
    }

    void train(std::size_t i, const char* stage, int steps) {
        const Stopwatch watch;
        const Anchor& anchor = tasks_.anchors[i];
        auto& training = runs_[i].training;
        if (!training) training = start_training(anchor);
        training->advance_to(steps, [&] { pause(stage, anchor, training->steps_done(), steps); });
        runs_[i].seconds += watch.seconds();
    }

    double validate(std::size_t i, std::int64_t images) {
        const Stopwatch watch;
        Training& training = *runs_[i].training;
        const int steps = training.steps_done();
        const double accuracy =
            training.validate(images, [&] { pause("validation", tasks_.anchors[i], steps, steps); });
        runs_[i].seconds += watch.seconds();
        return accuracy;
    }

    /// Runs the stability filter on a network of its own.
    std::optional<BlowUp> ascend(const Anchor& anchor, const Checkpoint& checkpoint) const {
        const StabilityFilter& filter = tasks_.settings.stability;
        Generator seeds = generator_of(trial(anchor), Stream::stability);
        at::Generator weights = at::detail::createCPUGenerator(seeds());
        Network network(anchor, static_cast<int>(tasks_.dataset.train.pixels.size(1)), tasks_.dataset.classes,
                        make_layer_);
        initialize(network, weights);
        network.to(tasks_.device);
        const Generator order(seeds()), crops(seeds());
        TrainingBatches batches(tasks_.dataset, filter.batch, tasks_.settings.training.crop,
                                tasks_.settings.training.flip, order, crops);
        const Batch& batch = batches.next();
        return find_blow_up(network, {batch.images.to(tasks_.device), batch.labels.to(tasks_.device)}, filter,
                            checkpoint);
    }

    const Tasks& tasks_;
    std::uint64_t seed_;
    int replicate_;
    primitives::Hash128 hash_;
    MakeLayer make_layer_;
    const std::stop_token& stop_;
    const std::function<void(const Progress&)>& progress_;
    std::vector<Run> runs_;  ///< one an anchor
};

}  // namespace

struct Scorer::State {
    State(const ScoringSettings& settings, HeldOut held_out)
        : tasks(prepare(settings, held_out)), streams(tasks.device) {}

    Tasks tasks;
    Streams streams;
    TogetherOrAlone on_device;

    template <class Evaluate>
    Outcome evaluate_on_own_stream(Evaluate evaluate_once) {
        const Streams::Own stream(streams);
        Outcome outcome;
        try {
            evaluate_once(outcome);
        } catch (const std::exception& error) {
            if (stream.device_is_usable()) throw;
            throw DeviceLost("the GPU is lost to this process: " + first_line(error));
        }
        return outcome;
    }

    /// Evaluates beside other threads; if the device's memory is too small for all of them, again without them.
    template <class Evaluate>
    Outcome evaluate_in(Company company, Evaluate evaluate_once) {
        if (company == Company::welcome || tasks.device.is_cpu()) {
            try {
                const auto others = on_device.together();
                return evaluate_on_own_stream(evaluate_once);
            } catch (const c10::OutOfMemoryError&) {  // what it held is free behind this
            }
        }
        const auto nobody = on_device.alone();
        free_unused_memory(tasks.device);
        return evaluate_on_own_stream(evaluate_once);
    }

    template <class Evaluate>
    Outcome evaluate(Company company, Evaluate evaluate_once) {
        const Stopwatch watch;
        Outcome outcome = with_short_errors([&] { return evaluate_in(company, evaluate_once); });
        outcome.seconds = watch.seconds();
        return outcome;
    }
};

Scorer::Scorer(const ScoringSettings& settings, HeldOut held_out)
    : state_(std::make_unique<State>(settings, held_out)) {}
Scorer::~Scorer() = default;
Scorer::Scorer(Scorer&&) noexcept = default;

Outcome Scorer::evaluate(const primitives::LayerGraph& graph, std::uint64_t seed, int replicate, std::stop_token stop,
                         const std::function<void(const Progress&)>& progress, Company company) const {
    if (state_->tasks.held_out == HeldOut::test)
        throw std::logic_error("filters look at validation images, and this scorer holds the test images");
    return state_->evaluate(company, [&](Outcome& outcome) {
        const Tasks& tasks = state_->tasks;
        Evaluation evaluation(tasks, graph, tasks.settings.layer, seed, replicate, stop, progress);
        const bool passes = evaluation.learns_early(outcome) && evaluation.is_stable(outcome);
        if (passes || is_audited(tasks.settings.audit_share, seed, primitives::hash(graph))) evaluation.score(outcome);
    });
}

Outcome Scorer::score(const primitives::LayerGraph& graph, const primitives::LayerSettings& layer, std::uint64_t seed,
                      int replicate, std::stop_token stop, const std::function<void(const Progress&)>& progress) const {
    return state_->evaluate(Company::welcome, [&](Outcome& outcome) {
        Evaluation(state_->tasks, graph, layer, seed, replicate, stop, progress).score(outcome);
    });
}

Outcome Scorer::score_paired(const primitives::LayerGraph& graph, const primitives::LayerSettings& layer,
                             std::uint64_t seed, int replicate, std::stop_token stop,
                             const std::function<void(const Progress&)>& progress) const {
    return state_->evaluate(Company::welcome, [&](Outcome& outcome) {
        Evaluation evaluation(state_->tasks, graph, layer, seed, replicate, stop, progress);
        evaluation.share_random_numbers();
        evaluation.score(outcome);
    });
}

const ScoringSettings& Scorer::settings() const { return state_->tasks.settings; }

void prepare_thread() {
    at::set_num_threads(1);
    at::Context::setFlushDenormal(true);
}

}  // namespace normact::proxy_tasks
