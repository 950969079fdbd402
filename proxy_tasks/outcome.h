#pragma once

#include <array>
#include <string>
#include <vector>

namespace normact::proxy_tasks {

/// Why a candidate was dropped before a full score.
enum class Rejection { none, invalid, quality, stability };
inline constexpr std::array rejections{Rejection::none, Rejection::invalid, Rejection::quality, Rejection::stability};
/// Those that train a layer to judge it.
inline constexpr std::array filters{Rejection::quality, Rejection::stability};

/// One score: one layer trained from scratch on one proxy task.
struct Score {
    std::string task;     ///< "data set/anchor"
    int replicate = 0;    ///< which repetition: another seed
    double accuracy = 0;  ///< in [0,1], or what measure_of the anchor (anchors.h) is
    double seconds = 0;   ///< training and validation, wall clock
};

/// What became of a layer: rejected, with the reason in words, or scored on every task. Of a layer that was rejected
/// and audited, both.
struct Outcome {
    Rejection rejection = Rejection::none;
    std::string reason;  ///< empty unless rejected: "mobilenet-tiny: accuracy 0.11 after 100 steps"
    std::vector<Score>
        scores;          ///< one a task, in the order of the settings' anchors; empty if rejected and not audited
    double seconds = 0;  ///< all of the evaluation
};

/// How far an evaluation is.
struct Progress {
    std::string
        stage;  ///< quality, stability, yardstick, training or validation, and the anchor: "quality mobilenet-tiny"
    int step = 0;
    int steps = 0;
};

}  // namespace normact::proxy_tasks
