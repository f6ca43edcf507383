#include <set>
#include <string_view>
#include <utility>

#include "server/api/errors.h"
#include "server/api/generation.h"

namespace hearth::server {
namespace {

std::optional<WireError> why_not_ready(const ModelStatus& model) {
  if (model.state == ModelState::ready) return std::nullopt;
  if (model.state == ModelState::failed) {
    return wire_error(ErrorCode::model_failed,
                      "The model could not be loaded; the operator has to act.");
  }
  WireError error = wire_error(ErrorCode::model_loading, "The model is loading.");
  error.retry_after_ms = model.eta_ms.value_or(1000);
  return error;
}

}  // namespace

Generations::Generations(GenerationPorts ports) : ports_(std::move(ports)) {}

// Replies that still run are held by their own callbacks: those go.
Generations::~Generations() {
  for (const auto& generation : live_) {
    generation->ticket_ = {};
    generation->events_ = {};
  }
}

tl::expected<Admission::Ticket, WireError> Generations::admit(const User& user) const {
  if (const auto problem = why_not_ready(ports_.service.model())) return tl::unexpected(*problem);
  auto ticket = ports_.service.admission().enter(user.id, user.peer);
  if (ticket) return std::move(*ticket);
  WireError error = WireError::of(ticket.error());
  if (error.code == ErrorCode::busy) {
    const int live = ports_.service.admission().live();
    error.retry_after_ms = 1000 + 250 * static_cast<std::int64_t>(live);
    error.detail += " " + std::to_string(live) + " are running or waiting here.";
  }
  return tl::unexpected(error);
}

std::size_t Generations::num_end_users(const User& user) const {
  std::set<std::string_view> names;
  for (const auto& generation : live_) {
    if (generation->spec_.user.id == user.id) names.insert(generation->spec_.end_user);
  }
  return names.size();
}

std::shared_ptr<Generation> Generations::start(GenerationSpec spec, Generation::Events events) {
  auto generation = std::make_shared<Generation>(*this, std::move(spec), std::move(events));
  live_.insert(generation);
  generation->start();
  return generation;
}

void Generations::perform(
    const User& user, TextWork work,
    std::function<void(tl::expected<nlohmann::ordered_json, WireError>)> done) {
  auto admitted = admit(user);
  if (!admitted) return done(tl::unexpected(admitted.error()));
  auto ticket = std::make_shared<Admission::Ticket>(std::move(*admitted));
  auto result = std::make_shared<Result<nlohmann::ordered_json>>();
  const auto model = ports_.service.model().info;
  const auto safely = [work = std::move(work), model, result] {
    try {
      *result = work(*model);
    } catch (const std::exception&) {
      *result = fail(ErrorCode::internal, "The server failed on this text.");
    }
  };
  ports_.text.perform(safely, [done = std::move(done), ticket, result] {
    *ticket = {};
    if (*result) return done(std::move(**result));
    done(tl::unexpected(WireError::of(result->error())));
  });
}

void Generations::on_tick() {
  if (live_.empty()) return;
  const Instant now = ports_.clock.now();
  const std::vector<std::shared_ptr<Generation>> all(live_.begin(), live_.end());
  for (const auto& generation : all) generation->on_tick(now);
}

void Generations::end_all() {
  while (!live_.empty()) {
    const std::shared_ptr<Generation> generation = *live_.begin();  // ending erases it
    end_early(generation, GenerationEnd::shut_down,
              wire_error(ErrorCode::shutting_down, "The server ended before the reply did."));
  }
}

void Generations::end_early(const std::shared_ptr<Generation>& generation, GenerationEnd how,
                            const WireError& before_start) {
  if (generation->has_started_) {
    generation->end(how);
  } else {
    generation->refuse(before_start);
  }
}

void Generations::end_access(const AccessEnd& access) {
  const std::vector<std::shared_ptr<Generation>> all(live_.begin(), live_.end());
  for (const auto& generation : all) {
    if (generation->is_over_ || !access.concerns(generation->spec_.user)) continue;
    end_early(generation, GenerationEnd::access_ended,
              wire_error(ErrorCode::unauthorized, "This access has ended."));
  }
}

void Generations::engine_progressed(std::span<const engine::RequestId> changed) {
  for (const engine::RequestId id : changed) {
    const auto found = by_request_.find(id);
    if (found == by_request_.end()) continue;
    const Place place = found->second;
    const auto generation = place.generation->shared_from_this();  // ending erases it
    generation->pull(generation->choices_[place.choice]);
  }
}

}  // namespace hearth::server
