#pragma once

#include <string>
#include <string_view>

// Who may ask `normact serve`.
namespace normact::tools {

/// True if only this machine reaches the address.
bool is_loopback(std::string_view address);

/// True if the Host header names this machine, or the address that it was told to listen on. A page from elsewhere
/// whose name was bent to this machine's address (DNS rebinding) says its own name.
bool names_this_machine(std::string_view host_header, std::string_view address);

/// True if the Authorization header brings the token: as "Bearer TOKEN", or as the password of "Basic", which browsers
/// ask for. Takes the same time whatever part of it is right.
bool brings_token(std::string_view authorization, std::string_view token);

/// The token in a file: its only line. Throws std::runtime_error if the file can be read by others, or if the token is
/// shorter than 16 or longer than 200 characters or has others than letters, digits, - and _.
std::string read_token(const std::string& file);

}  // namespace normact::tools
