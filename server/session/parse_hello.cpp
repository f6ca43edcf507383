#include "server/session/parse_parts.h"

namespace hearth::server::readers {
namespace {

using nlohmann::json;

constexpr std::size_t kIdBytesMax = 64;
constexpr std::size_t kStreamsMax = 32;

void refuse(Fields& fields, const char* param, std::string detail) {
  fields.fail(ErrorCode::invalid_parameter, param, std::move(detail));
}

void read_streams(Fields& fields, const json& streams, Resume& resume) {
  if (!streams.is_object() || streams.size() > kStreamsMax) {
    return refuse(
        fields, "resume.streams",
        "resume.streams must be an object of at most " + std::to_string(kStreamsMax) + " entries.");
  }
  for (const auto& [name, value] : streams.items()) {
    const auto id = parse_id<MessageId>(name);
    if (!id) return refuse(fields, "resume.streams", "resume.streams has ids of replies as keys.");
    Fields inner(streams, "resume.streams.");
    const std::size_t have = parts::position(inner, name.c_str());
    if (!inner.ok()) return refuse(fields, "resume.streams", inner.error()->detail);
    resume.streams.push_back({*id, have});
  }
}

// Ids of another server or of an older one mean nothing here, and are no reason to refuse.
Resume read_resume(Fields& fields, const json& object) {
  Resume resume;
  if (!object.is_object()) {
    refuse(fields, "resume", "resume must be an object.");
    return resume;
  }
  Fields inner(object, "resume.");
  resume.session = parse_id<SessionId>(inner.text("session", 0, kIdBytesMax).value_or(""));
  resume.epoch = parse_id<SessionId>(inner.text("epoch", 0, kIdBytesMax).value_or(""));
  if (!inner.ok()) {
    refuse(fields, "resume", inner.error()->detail);
  } else if (const json* streams = inner.find("streams")) {
    read_streams(fields, *streams, resume);
  }
  return resume;
}

}  // namespace

Hello hello(Fields& fields) {
  Hello hello;
  if (const json* client = fields.find("client")) {
    Fields inner(*client, "client.");
    if (!client->is_object()) {
      refuse(fields, "client", "client must be an object.");
    } else {
      hello.client_name = inner.text("name", 0, 64).value_or("");
      hello.client_version = inner.text("version", 0, 64).value_or("");
      if (!inner.ok()) fields.fail(inner.error()->code, "client", inner.error()->detail);
    }
  }
  hello.token = fields.text("token", 1, 256);
  if (const json* resume = fields.find("resume")) hello.resume = read_resume(fields, *resume);
  return hello;
}

}  // namespace hearth::server::readers
