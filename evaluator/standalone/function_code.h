#pragma once

#include "evaluator/lines.h"
#include "evaluator/schedule.h"
#include "primitives/expression.h"

#include <string>
#include <string_view>
#include <vector>

namespace normact::evaluator::standalone {

/// The language of a source that people read and compile without normact.
enum class Language : std::uint8_t { c, cuda };

/// Small values in memory as the code names them, and how many numbers: "planes", "N", "C" or "1".
struct Table {
    std::string name, size;
};

/// The code of one function, which computes a program sweep by sweep: in C, loops that follow each other; in CUDA,
/// kernels that are launched in order. There a thread takes a small value, and a warp a mean or a plane.
///
/// A plane (n,c) is called nc = n*C + c, its pixels p. In CUDA all that a function works with are fields of `a`.
class FunctionCode {
  public:
    /// `name`: of the function; kernels' names begin with it.
    FunctionCode(const Program& program, Language language, std::string name);

    /// The loops, or the launches.
    const std::string& body() const { return body_.text(); }
    const std::string& kernels() const { return kernels_.text(); }
    const std::vector<std::string>& kernel_names() const { return kernel_names_; }
    /// Scratch memory.
    const std::vector<Table>& tables() const { return tables_; }

  private:
    using Piece = primitives::Piece;
    /// What a loop over small values runs over.
    enum class Loop : std::uint8_t { once, images, channels, planes };
    struct Statements {
        std::vector<std::string> lines;
        std::vector<Piece> pieces;  ///< by value
    };
    /// A value and what it is written to: t6[c] = …
    struct Store {
        ValueId value;
        std::string start, end;
    };

    bool is_cuda() const { return language_ == Language::cuda; }
    Lines& lines() { return is_cuda() ? kernels_ : body_; }
    const Program& program() const { return schedule_.program(); }
    const Instruction& at(ValueId id) const { return program().instructions[id]; }
    static constexpr int threads_of_block = 256;
    static Loop loop_of(Extent extent);
    void find_readers();

    void emit_small(const std::vector<ValueId>& instructions, bool in_block);
    void emit_run(const std::vector<ValueId>& run, bool in_block);
    void emit_loop(Loop loop, const std::vector<ValueId>& run, const std::vector<Store>& stores, bool in_block);
    void emit_mean_over_batch(ValueId id);
    void emit_mean_over_channels(ValueId id, bool in_block);
    void emit_sweep(const Sweep& sweep);
    void emit_passes(const Sweep& sweep);
    void emit_pass(const Pass& pass, bool alone);
    void emit_outputs(const Program& original);

    void open_kernel(const std::string& what, const std::string& blocks, int threads);
    void open_items(const std::string& item, const std::string& begin, const std::string& end, const std::string& own,
                    const std::string& all);
    void emit_positions(const std::vector<std::string>& of, bool plane);

    bool is_copy(ValueId id) const;
    bool is_read_beyond(ValueId id, const std::vector<ValueId>& run) const;
    std::string argument(std::string_view name) const;
    std::string table(ValueId id);
    Piece read(ValueId id, bool in_double) const;
    std::string scalar(ValueId id) const;
    Statements write(const std::vector<ValueId>& instructions, const std::vector<ValueId>& results,
                     bool in_double) const;

    Schedule schedule_;
    Language language_;
    std::string name_;
    std::vector<std::string> places_;            ///< of small values: what stands before the index
    std::vector<std::vector<ValueId>> readers_;  ///< of small values: small values computed of it
    std::vector<bool> is_read_by_passes_;        ///< or is an output
    std::vector<bool> is_plane_mean_;
    std::vector<Table> tables_;
    Lines body_, kernels_;
    std::vector<std::string> kernel_names_;
    Block block_ = Block::plane;  ///< of the sweep that is written
};

/// The index of small values of this extent: "nc", "n", "c" or "0".
const char* index_of(Extent extent);
/// How many numbers a table of this extent has.
const char* size_of_table(Extent extent);

}  // namespace normact::evaluator::standalone
