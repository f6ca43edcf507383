// Which Host and Origin a request may carry (reliability R-01…R-03). Pure functions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::server {

// A DNS name that an attacker controls can be made to point at this machine (DNS rebinding); an
// address, localhost and this machine's own names cannot. `allowed` is --allow-host: names without
// port. False also for a malformed Host.
bool is_host_allowed(std::string_view host, std::string_view machine_name,
                     std::span<const std::string> allowed);

enum class Origin { absent, same, listed, foreign };

// `host` is the request's Host; `allowed` is --allow-origin: whole origins
// ("https://chat.example"), or "*". "null" is foreign.
// `scheme`: what this server speaks, "http" or "https".
Origin judge_origin(std::optional<std::string_view> origin, std::string_view host,
                    std::span<const std::string> allowed, std::string_view scheme = "http");

// True for 127.0.0.0/8, ::1 and "localhost": what only this machine can reach.
bool is_loopback(std::string_view address);

}  // namespace hearth::server
