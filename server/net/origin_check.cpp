#include "server/net/origin_check.h"

#include <algorithm>
#include <cctype>

#include <arpa/inet.h>

namespace hearth::server {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

bool is_address(int family, const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(family, text.c_str(), bytes) == 1;
}

// The host without port and, of an IPv6 literal, without brackets; nothing when malformed.
struct HostName {
  std::string name;
  bool is_ipv6 = false;
};

std::optional<HostName> parse_host(std::string_view host) {
  HostName out;
  std::string_view rest;
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out = {lower(host.substr(1, end - 1)), true};
    rest = host.substr(end + 1);
  } else {
    const std::size_t colon = host.find(':');
    out.name = lower(host.substr(0, colon));
    rest = colon == std::string_view::npos ? std::string_view() : host.substr(colon);
  }
  if (out.name.empty()) return std::nullopt;
  if (!rest.empty() && !(rest.front() == ':' && is_port(rest.substr(1)))) return std::nullopt;
  return out;
}

std::string without_default_port(std::string host, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(port)) host.resize(host.size() - port.size());
  return host;
}

}  // namespace

bool is_host_allowed(std::string_view host, std::string_view machine_name,
                     std::span<const std::string> allowed) {
  const std::optional<HostName> parsed = parse_host(host);
  if (!parsed) return false;
  if (parsed->is_ipv6) return is_address(AF_INET6, parsed->name);
  if (is_address(AF_INET, parsed->name) || parsed->name == "localhost") return true;
  const std::string machine = lower(machine_name);
  if (!machine.empty() && (parsed->name == machine || parsed->name == machine + ".local"))
    return true;
  return std::any_of(allowed.begin(), allowed.end(),
                     [&](const std::string& name) { return lower(name) == parsed->name; });
}

Origin judge_origin(std::optional<std::string_view> origin, std::string_view host,
                    std::span<const std::string> allowed, std::string_view scheme) {
  if (!origin) return Origin::absent;
  const std::string theirs = lower(*origin);
  const std::string ours = std::string(scheme) + "://" + without_default_port(lower(host), scheme);
  if (without_default_port(theirs, scheme) == ours) return Origin::same;
  if (theirs == "null" || theirs.empty()) return Origin::foreign;
  const bool is_listed = std::any_of(allowed.begin(), allowed.end(), [&](const std::string& one) {
    return one == "*" || lower(one) == theirs;
  });
  return is_listed ? Origin::listed : Origin::foreign;
}

bool is_loopback(std::string_view address) {
  const std::string text = lower(address);
  return text == "localhost" || text == "::1" ||
         (text.starts_with("127.") && is_address(AF_INET, text)) ||
         (text.starts_with("::ffff:127.") && is_address(AF_INET6, text));
}

}  // namespace hearth::server
