#include "server/net/request_rules.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <string_view>

#include "server/api/errors.h"

namespace hearth::server {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_any_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::ptrdiff_t count(const HttpRequest& head, std::string_view name) {
  return std::count_if(head.headers.begin(), head.headers.end(),
                       [&](const HttpHeader& h) { return h.name == name; });
}

HeadRefusal refuse(std::string detail, int status = 400,
                   ErrorCode code = ErrorCode::invalid_message) {
  return {wire_error(code, std::move(detail)), status};
}

// No token or key in a URL: URLs end up in logs and histories.
bool has_secret_in_query(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view name = query.substr(0, end).substr(0, query.substr(0, end).find('='));
    if (name == "token" || name == "key" || name == "api_key" || name == "access_token")
      return true;
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return false;
}

}  // namespace

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t end = list.find(',');
    if (equal_any_case(trimmed(list.substr(0, end)), token)) return true;
    list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  }
  return false;
}

std::optional<HeadRefusal> check_head(const HttpRequest& head, int version, HeadFacts& facts,
                                      std::size_t fields_max) {
  facts.version = version;
  if (version != 10 && version != 11)
    return refuse("Only HTTP/1.1 and HTTP/1.0 are spoken here.", 505);
  if (head.headers.size() > fields_max) {
    return refuse("A request may have at most " + std::to_string(fields_max) + " header fields.",
                  431, ErrorCode::message_too_large);
  }
  if (count(head, "host") != 1) return refuse("A request needs exactly one Host field.");
  if (count(head, "content-length") > 1 || count(head, "transfer-encoding") > 1) {
    return refuse("Content-Length and Transfer-Encoding may each be given once.");
  }
  const auto length = head.header("content-length");
  const auto transfer = head.header("transfer-encoding");
  if (length && transfer) return refuse("Content-Length and Transfer-Encoding exclude each other.");
  if (transfer && (version == 10 || !equal_any_case(trimmed(*transfer), "chunked"))) {
    return refuse("The only Transfer-Encoding understood here is chunked, in HTTP/1.1.");
  }
  if (length) {
    std::size_t bytes = 0;
    const auto [end, problem] =
        std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (problem != std::errc() || end != length->data() + length->size())
      return refuse("Content-Length is not a number.");
    facts.content_length = bytes;
  }
  facts.is_chunked = transfer.has_value();
  facts.has_body = facts.is_chunked || facts.content_length.value_or(0) > 0;
  facts.wants_upgrade = head.header("upgrade").has_value();
  if (facts.wants_upgrade && (length || transfer))
    return refuse("A request that asks for an upgrade may not have a body.");
  const std::string_view connection = head.header("connection").value_or("");
  facts.keep_alive =
      version == 11 ? !has_token(connection, "close") : has_token(connection, "keep-alive");
  facts.expects_continue =
      version == 11 && equal_any_case(trimmed(head.header("expect").value_or("")), "100-continue");
  if (has_secret_in_query(head.query))
    return refuse("Keys do not belong into the address; send them as Authorization: Bearer.");
  return std::nullopt;
}

std::optional<HeadRefusal> check_body(const HttpRequest& head, const HeadFacts& facts,
                                      std::size_t body_bytes_max) {
  if (const auto encoding = head.header("content-encoding");
      encoding && !equal_any_case(trimmed(*encoding), "identity")) {
    return refuse("Compressed request bodies are not accepted.", 415,
                  ErrorCode::unsupported_media_type);
  }
  if (facts.content_length.value_or(0) > body_bytes_max ||
      (facts.is_chunked && body_bytes_max == 0)) {
    return refuse(body_bytes_max == 0
                      ? "This request may not have a body."
                      : "The body has " + std::to_string(facts.content_length.value_or(0)) +
                            " bytes; at most " + std::to_string(body_bytes_max) + " are accepted.",
                  413, ErrorCode::message_too_large);
  }
  if (body_bytes_max == 0) return std::nullopt;
  const std::string_view type = head.header("content-type").value_or("");
  if (!equal_any_case(trimmed(type.substr(0, type.find(';'))), "application/json")) {
    return refuse("The body must be application/json.", 415, ErrorCode::unsupported_media_type);
  }
  return std::nullopt;
}

}  // namespace hearth::server
