#include "server/net/admin_routes.h"

#include <array>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

#include "server/api/data_requests.h"
#include "server/api/errors.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

struct Metric {
  const char* name;
  const char* help;
  const char* kind;  // gauge, counter
  double value;
};

std::string text_of(std::span<const Metric> metrics) {
  std::ostringstream out;
  out.precision(17);
  for (const Metric& one : metrics) {
    out << "# HELP hearth_" << one.name << ' ' << one.help << "\n# TYPE hearth_" << one.name << ' '
        << one.kind << "\nhearth_" << one.name << ' ' << one.value << '\n';
  }
  return out.str();
}

nlohmann::ordered_json health_of(const AdminParts& parts) {
  const ProcessFacts facts = parts.facts();
  const ServiceStats stats = parts.service.stats();
  const ModelStatus& model = parts.service.model();
  const Admission& admission = parts.service.admission();
  nlohmann::ordered_json health = {
      {"status", facts.is_draining ? "draining" : to_string(model.state)},
      {"version", facts.version},
      {"uptime_s", facts.uptime_s},
      {"model", {{"id", model.id}, {"state", to_string(model.state)}, {"percent", model.percent}}},
      {"overload", admission.overload_level()},
      {"memory_used", admission.memory_used()},
      {"connections",
       {{"open", facts.connections},
        {"max", facts.connections_max},
        {"websockets", stats.connections}}},
      {"replies",
       {{"running", stats.running},
        {"queued", stats.queued},
        {"api_requests", parts.generations.live()},
        {"admitted", admission.live()}}}};
  if (facts.disk_free_bytes >= 0) health["disk_free_bytes"] = facts.disk_free_bytes;
  if (!facts.certificate.empty()) health["certificate_sha256"] = facts.certificate;
  if (!model.detail.empty()) health["model"]["detail"] = model.detail;
  return health;
}

std::string metrics_of(const AdminParts& parts) {
  const ProcessFacts facts = parts.facts();
  const ServiceStats stats = parts.service.stats();
  const Admission& admission = parts.service.admission();
  const bool is_ready = parts.service.model().state == ModelState::ready && !facts.is_draining;
  const auto number = [](auto value) { return static_cast<double>(value); };
  const std::array metrics = {
      Metric{"ready", "1 when replies can be generated.", "gauge", is_ready ? 1.0 : 0.0},
      Metric{"uptime_seconds", "Since the start.", "counter", number(facts.uptime_s)},
      Metric{"overload_level", "The step of the overload ladder, 0 to 3.", "gauge",
             number(admission.overload_level())},
      Metric{"memory_used_ratio", "Of limits.memory.", "gauge", admission.memory_used()},
      Metric{"connections", "Open sockets.", "gauge", number(facts.connections)},
      Metric{"websockets", "Open WebSockets.", "gauge", number(stats.connections)},
      Metric{"replies_running", "Replies being written.", "gauge", number(stats.running)},
      Metric{"replies_queued", "Replies that wait.", "gauge", number(stats.queued)},
      Metric{"api_requests", "Requests of the HTTP APIs that generate.", "gauge",
             number(parts.generations.live())},
      Metric{"admitted", "Places taken, of limits.live.", "gauge", number(admission.live())},
  };
  return text_of(metrics);
}

nlohmann::ordered_json people_of(const ChatService& service) {
  auto people = nlohmann::ordered_json::array();
  for (const PersonHere& one : service.people()) {
    people.push_back({{"user", to_string(one.presence.user)},
                      {"name", one.presence.name},
                      {"sockets", one.presence.num_sockets},
                      {"keys", one.presence.keys},
                      {"running", one.num_running},
                      {"waiting", one.num_waiting}});
  }
  return {{"people", std::move(people)}};
}

void end_sessions(ChatService& service, const RequestRef& request, const ResponseRef& response) {
  const auto body = object_body(request, response);
  if (!body) return;
  Fields fields(*body, "");
  fields.require("user");
  const auto user = fields.id<UserId>("user");
  const auto key = fields.text("key", 1, 64);
  if (!fields.ok()) return refuse(request, response, *fields.error());
  const auto done = [request, response](const Result<void>& ended) {
    if (!ended) return refuse(request, response, ended.error());
    answer(response, {{"ended", true}});
  };
  if (key) {
    service.account().end_key(*user, *key, done);
  } else {
    service.account().end_sessions(*user, done);
  }
}

constexpr std::size_t kEndBytesMax = 4 * 1024;

}  // namespace

std::vector<Route> make_admin_routes(const AdminParts& parts) {
  return {
      {"GET", "/admin/health", Access::open, 0,
       [parts](const auto&, const auto& response) {
         HttpResponse answer;
         answer.body = health_of(parts).dump();
         response->send(std::move(answer));
       }},
      {"GET", "/admin/sessions", Access::open, 0,
       [parts](const auto&, const auto& response) { answer(response, people_of(parts.service)); }},
      {"POST", "/admin/sessions/end", Access::open, kEndBytesMax,
       [parts](const auto& request, const auto& response) {
         end_sessions(parts.service, request, response);
       }},
      {"GET", "/metrics", Access::open, 0, [parts](const auto&, const auto& response) {
         HttpResponse answer;
         answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
         answer.body = metrics_of(parts);
         response->send(std::move(answer));
       }}};
}

}  // namespace hearth::server
