#include "evaluator/cuda/cubin.h"

#include <cstdint>
#include <cstring>
#include <elf.h>
#include <map>
#include <stdexcept>

namespace normact::evaluator::cuda {
namespace {

/// An ELF file in memory, read with a check of every position.
class Elf {
  public:
    explicit Elf(std::string_view bytes) : bytes_(bytes), header_(at<Elf64_Ehdr>(0)) {
        constexpr int cuda_machine = 190;
        if (std::memcmp(header_.e_ident, ELFMAG, SELFMAG) != 0 || header_.e_machine != cuda_machine)
            throw std::runtime_error("not a cubin");
    }

    std::size_t sections() const { return header_.e_shnum; }
    Elf64_Shdr section(std::size_t i) const { return at<Elf64_Shdr>(header_.e_shoff + i * sizeof(Elf64_Shdr)); }
    std::string name_of_section(std::size_t i) const { return text(section(header_.e_shstrndx), section(i).sh_name); }
    std::size_t find(const std::string& name) const {
        for (std::size_t i = 0; i < sections(); ++i)
            if (name_of_section(i) == name) return i;
        throw std::runtime_error("a cubin without " + name);
    }

    std::string symbol(std::uint32_t number) const {
        const Elf64_Shdr table = section(find(".symtab"));
        return text(section(table.sh_link), at<Elf64_Sym>(table.sh_offset + number * sizeof(Elf64_Sym)).st_name);
    }

    template <typename T>
    T at(std::uint64_t position) const {
        if (position > bytes_.size() || bytes_.size() - position < sizeof(T))
            throw std::runtime_error("a cubin that is cut off");
        T value;
        std::memcpy(&value, bytes_.data() + position, sizeof value);
        return value;
    }

  private:
    std::string text(const Elf64_Shdr& strings, std::uint64_t position) const {
        const std::uint64_t start = strings.sh_offset + position;
        if (start >= bytes_.size()) throw std::runtime_error("a cubin that is cut off");
        return std::string(bytes_.substr(start, bytes_.find('\0', start) - start));
    }

    std::string_view bytes_;
    Elf64_Ehdr header_;
};

/// An attribute of section .nv.info, of those that are followed by so many bytes.
struct Attribute {
    std::uint8_t format, kind;
    std::uint16_t size;
};

}  // namespace

std::vector<KernelResources> kernel_resources(std::string_view cubin) {
    constexpr std::uint8_t sized = 4, frame_size = 0x11, minimal_stack = 0x12, register_count = 0x2f;
    const Elf elf(cubin);
    const Elf64_Shdr info = elf.section(elf.find(".nv.info"));
    std::map<std::string, KernelResources> kernels;
    for (std::uint64_t position = info.sh_offset; position < info.sh_offset + info.sh_size;) {
        const auto attribute = elf.at<Attribute>(position);
        position += sizeof attribute;
        if (attribute.format != sized) continue;
        if (attribute.size == 8) {
            const std::string name = elf.symbol(elf.at<std::uint32_t>(position));
            const auto value = static_cast<int>(elf.at<std::uint32_t>(position + 4));
            if (attribute.kind == register_count) kernels[name].registers = value;
            if (attribute.kind == frame_size || attribute.kind == minimal_stack) kernels[name].stack += value;
        }
        position += attribute.size;
    }
    std::vector<KernelResources> result;
    for (auto& [name, resources] : kernels) {
        if (resources.registers == 0) continue;  // a subroutine
        resources.name = name;
        result.push_back(resources);
    }
    return result;
}

}  // namespace normact::evaluator::cuda
