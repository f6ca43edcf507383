#include "server/api/conversation_api.h"

#include <string>
#include <utility>

#include "server/api/body_fields.h"
#include "server/api/errors.h"
#include "server/api/reply_writer.h"
#include "server/session/fields.h"

namespace hearth::server {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kDefaultTokens = 1024;

class ConversationFormat final : public ReplyFormat {
 public:
  std::string whole(const Generation& generation) override {
    return dump_lossy({{"response", generation.choices().front().text->text()}});
  }
  std::string begin(const Generation&) override { return {}; }
  std::string news(const Generation&) override { return {}; }
  std::string end(const Generation&) override { return {}; }
  std::string failed(const WireError&) override { return {}; }
};

struct Query {
  std::string text;
  GenerationSpec spec;
};

Parsed<Query> parse_query(const std::string& text, std::int64_t max_tokens_limit) {
  Parsed<Body> body = parse_body(text);
  if (!body) return tl::unexpected(body.error());
  Query query;
  Fields fields(body->checked, "");
  if (!fields.has("query")) return invalid("query", "query is missing.");
  query.text = fields.text("query", 1, 1 << 20).value_or("");
  const auto max_new_tokens = fields.integer("max_new_tokens", 1, 1'000'000'000);
  if (!fields.ok()) return tl::unexpected(*fields.error());
  if (auto read = read_generation(body->checked, max_tokens_limit, query.spec); !read)
    return tl::unexpected(read.error());
  query.spec.n = 1;
  GenerationParams& params = query.spec.params;
  if (!params.max_tokens) params.max_tokens = max_new_tokens.value_or(kDefaultTokens);
  if (!params.sampling.temperature) params.sampling.temperature = 0.0;
  ChatPrompt chat;
  chat.messages.push_back({{"role", "user"}, {"content", query.text}});
  query.spec.prompts.emplace_back(std::move(chat));
  query.spec.prompt_param = "query";
  return query;
}

}  // namespace

Handler conversation_handler(Generations& generations) {
  return [&generations](std::shared_ptr<const HttpRequest> request,
                        std::shared_ptr<ResponseWriter> response) {
    auto query = parse_query(request->body, generations.ports().max_tokens);
    if (!query) return response->send(error_response(request->path, query.error()));
    if (query->text == "exit" || query->text == "quit")
      return response->send(json_answer({{"response", "Goodbye."}}));
    write_reply(generations, std::move(request), std::move(response), std::move(query->spec),
                std::make_unique<ConversationFormat>(), false);
  };
}

}  // namespace hearth::server
