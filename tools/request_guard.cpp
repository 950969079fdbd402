#include "tools/request_guard.h"

#include "tools/text_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace normact::tools {
namespace {

constexpr auto own_names = std::to_array<std::string_view>({"localhost", "127.0.0.1", "[::1]"});

std::optional<std::string> from_base64(std::string_view text) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string bytes;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const auto value = letters.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>((bits >> count) & 0xff);
        }
    }
    return bytes;
}

bool equal_in_constant_time(std::string_view given, std::string_view wanted) {
    unsigned different = given.size() == wanted.size() ? 0 : 1;
    for (std::size_t i = 0; i < wanted.size(); ++i)
        different |= static_cast<unsigned char>(wanted[i]) ^
                     static_cast<unsigned char>(given.empty() ? 0 : given[i % given.size()]);
    return different == 0;
}

bool is_token_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_'; }

/// True if a Host header is the name, with or without a port.
bool is_host(std::string_view host_header, std::string_view name) {
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    if (!std::ranges::equal(host_header.substr(0, name.size()), name, {}, lower, lower)) return false;
    std::string_view port = host_header.substr(name.size());
    if (port.empty()) return true;
    if (port.front() != ':') return false;
    port.remove_prefix(1);
    return !port.empty() && port.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

bool is_loopback(std::string_view address) {
    const bool is_name = address.find_first_not_of("0123456789.") != std::string_view::npos;
    return address == "localhost" || address == "::1" || (address.starts_with("127.") && !is_name);
}

bool names_this_machine(std::string_view host_header, std::string_view address) {
    const bool bracketed = address.find(':') != std::string_view::npos;
    const std::string chosen = bracketed ? "[" + std::string(address) + "]" : std::string(address);
    return std::ranges::any_of(own_names, [&](std::string_view name) { return is_host(host_header, name); }) ||
           is_host(host_header, chosen);
}

bool brings_token(std::string_view authorization, std::string_view token) {
    constexpr std::string_view bearer = "Bearer ", basic = "Basic ";
    if (authorization.starts_with(bearer)) return equal_in_constant_time(authorization.substr(bearer.size()), token);
    if (!authorization.starts_with(basic)) return false;
    const auto decoded = from_base64(authorization.substr(basic.size()));
    if (!decoded) return false;
    const auto colon = decoded->find(':');
    return colon != std::string::npos && equal_in_constant_time(std::string_view(*decoded).substr(colon + 1), token);
}

std::string read_token(const std::string& file) {
    constexpr std::size_t shortest = 16, longest = 200;
    std::string token = read_text_file(file);
    while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.pop_back();
    using std::filesystem::perms;
    const auto others = perms::group_read | perms::others_read;
    if ((std::filesystem::status(file).permissions() & others) != perms::none)
        throw std::runtime_error(file + ": others can read this file, which holds a token: chmod 600 " + file);
    if (token.size() < shortest || token.size() > longest || !std::ranges::all_of(token, is_token_letter))
        throw std::runtime_error(file +
                                 ": a token has 16 to 200 letters, digits, - and _, on one line. Make one: umask 077; "
                                 "head -c 24 /dev/urandom | base64 | tr +/ -_ > " +
                                 file);
    return token;
}

}  // namespace normact::tools
