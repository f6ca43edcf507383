// GET /api/v1/inspect/… and /api/v1/model…: what their bodies say, and their errors.
#include "server/api/inspect_api.h"

#include <condition_variable>
#include <filesystem>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "server/api/inspect_json.h"
#include "server/api/inspect_model.h"
#include "server/api/inspect_query.h"
#include "server/api/inspect_text.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using nlohmann::json;
using testing::Room;

class HeldResponse final : public ResponseWriter {
 public:
  void send(HttpResponse response) override { whole = std::move(response); }
  void begin(HttpResponse /*head*/) override {}
  void write(std::string /*chunk*/) override {}
  void end() override {}
  bool is_writing() const override { return false; }
  void on_written(std::function<void()> /*callback*/) override {}
  void on_gone(std::function<void()> /*callback*/) override {}

  std::optional<HttpResponse> whole;
};

// The service's thread, as far as the worker can tell.
class Posts {
 public:
  InspectWorker::Post post() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
      changed_.notify_one();
    };
  }
  void run_one() {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !tasks_.empty(); });
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
};

class InspectApi : public ::testing::Test {
 protected:
  std::shared_ptr<HeldResponse> get(const Handler& handler, std::string tail,
                                    std::string query = "") {
    auto request = std::make_shared<HttpRequest>();
    request->method = "GET";
    request->path = "/api/v1/inspect/" + tail;
    request->tail = std::move(tail);
    request->query = std::move(query);
    request->user = ada;
    auto response = std::make_shared<HeldResponse>();
    handler(request, response);
    room.settle();
    if (!response->whole) posts.run_one();
    return response;
  }
  json inspect(const std::string& tail, std::string query = "") {
    const auto response = get(inspect_handler(*room.service, worker), tail, std::move(query));
    json body = json::parse(response->whole->body);
    if (response->whole->status != 200)
      return body.value("code", "") + " " + body.value("param", "");
    return body;
  }
  std::string reply_of(std::string_view text, bool is_inspected) {
    const json accepted = room.ask(*tab, "hi", {{"inspect", is_inspected}});
    engine::TokenStream& stream = *room.engine.requests.at(room.last()).stream;
    stream.set_queue_position(-1);
    for (const char c : text) {
      auto kept = std::make_unique<engine::TokenCandidates>();
      const TokenId id = static_cast<unsigned char>(c);
      kept->candidates = {
          {.id = 'x', .logit = 2.0F, .score = 2.0F},
          {.id = 'y', .logit = 1.0F, .score = 1.0F, .cut_by = engine::SamplingStage::top_k},
          {.id = id, .logit = 0.0F, .score = 0.0F}};
      kept->num_listed = 3;
      kept->entropy = 0.5F;
      kept->u = 0.75F;
      kept->log_tail.fill(-std::numeric_limits<float>::infinity());
      kept->stages = {{engine::SamplingStage::raw, 2.0F, 257},
                      {engine::SamplingStage::top_k, 2.5F, 2}};
      stream.append({.id = id, .logprob = -0.1F, .u = 0.75F, .rank = 2}, {},
                    is_inspected ? std::move(kept) : nullptr);
    }
    room.progressed(room.last());
    room.finish(room.last());
    return accepted["assistant_message"];
  }

  Room room;
  User ada = room.new_user();
  std::unique_ptr<testing::Tab> tab = room.enter(ada);
  Posts posts;
  std::vector<std::string> log;
  InspectWorker worker{posts.post(), [this](const std::string& line) { log.push_back(line); }};
};

TEST_F(InspectApi, ShowsEveryTokenWithItsCandidatesAfterEachStage) {
  const std::string id = reply_of("ab", true);
  const json body = inspect(id);
  EXPECT_EQ(body["message"], id);
  EXPECT_EQ(body["state"], "done");
  EXPECT_EQ(body["to"], 2);
  EXPECT_EQ(body["traced"], 2);
  EXPECT_EQ(body["inspect"], true);
  EXPECT_EQ(body["stages"], (json{"raw", "top_k"}));
  EXPECT_EQ(body["prompt_tokens"], 9);
  EXPECT_EQ(body["cached_tokens"], 3);
  EXPECT_EQ(body["tail_betas"].size(), 8U);
  EXPECT_FALSE(body.contains("next"));
  const json& token = body["tokens"][1];
  EXPECT_EQ(token["index"], 1);
  EXPECT_EQ(token["id"], 'b');
  EXPECT_EQ(token["text"], "b");
  EXPECT_EQ(token["bytes"], 1);
  EXPECT_EQ(token["lp"].dump(), "-0.1");  // a float's digits, not its double's
  EXPECT_EQ(token["left"], (json{257, 2}));
  EXPECT_EQ(token["tail"][0], nullptr);
  ASSERT_EQ(token["candidates"].size(), 3U);
  EXPECT_NEAR(token["candidates"][0]["p"][0], 1.0, 1e-6);
  EXPECT_NEAR(token["candidates"][1]["p"][0], std::exp(-1.0), 1e-6);
  EXPECT_EQ(token["candidates"][1]["p"][1], 0.0);
}

TEST_F(InspectApi, ShowsAsManyCandidatesAsAskedAndAlwaysTheTokenItself) {
  const std::string id = reply_of("ab", true);
  const json token = inspect(id, "from=1&candidates=1")["tokens"][0];
  EXPECT_EQ(token["index"], 1);
  ASSERT_EQ(token["candidates"].size(), 2U);
  EXPECT_EQ(token["candidates"][0]["id"], 'x');
  EXPECT_EQ(token["candidates"][1]["id"], 'b');
}

TEST_F(InspectApi, PlainReplyHasItsTokensAlone) {
  const json body = inspect(reply_of("ab", false));
  EXPECT_EQ(body["inspect"], false);
  EXPECT_EQ(body["stages"], json::array());
  EXPECT_FALSE(body["tokens"][0].contains("candidates"));
  EXPECT_EQ(body["tokens"][0]["rank"], 2);
}

TEST_F(InspectApi, RangesArePages) {
  const std::string id = reply_of("abcdef", true);
  json page = inspect(id, "from=1&to=3");
  EXPECT_EQ(page["tokens"].size(), 2U);
  EXPECT_EQ(page["next"], 3);
  page = inspect(id, "from=3&to=99");
  EXPECT_EQ(page["tokens"].size(), 3U);
  EXPECT_FALSE(page.contains("next"));
}

TEST_F(InspectApi, ShowsThePromptWithItsSpecialTokens) {
  const std::string id = reply_of("ab", true);
  const json body = inspect(id + "/prompt", "to=5");
  EXPECT_EQ(body["source"], "kept");
  EXPECT_EQ(body["text"], "user:");
  EXPECT_EQ(body["prompt_tokens"], 9);
  EXPECT_EQ(body["cached_tokens"], 3);
  EXPECT_EQ(body["next"], 5);
  EXPECT_EQ(body["tokens"][0], (json{{"id", 'u'}, {"text", "u"}}));
}

TEST_F(InspectApi, WrongQuestionsNameTheirMistake) {
  const std::string id = reply_of("ab", true);
  EXPECT_EQ(inspect(id, "from=-1"), "invalid_parameter from");
  EXPECT_EQ(inspect(id, "to=x"), "invalid_parameter to");
  EXPECT_EQ(inspect(id, "candidates=65"), "invalid_parameter candidates");
  EXPECT_EQ(inspect("nonsense"), "not_found ");
  EXPECT_EQ(inspect(std::string(32, '0')), "not_found ");
  EXPECT_EQ(inspect(id + "/other"), "not_found ");
  room.service->set_model({.id = "test", .state = ModelState::loading});
  EXPECT_EQ(inspect(id), "model_loading ");
}

TEST_F(InspectApi, QuestionsBeyondTheQueueAreRefusedAtOnceAndAFailureIsAnAnswer) {
  std::mutex gate;
  gate.lock();
  std::vector<std::shared_ptr<HeldResponse>> responses;
  const auto ask = [&](std::function<HttpResponse()> make) {
    responses.push_back(std::make_shared<HeldResponse>());
    worker.answer("/api/v1/x", responses.back(), std::move(make));
  };
  const auto wait = [&]() -> HttpResponse {
    const std::lock_guard lock(gate);
    throw std::runtime_error("torn");
  };
  // A whole queue may be at work already, so at most twice what it holds is taken.
  for (std::size_t i = 0; i < 2 * InspectWorker::kJobsMax + 1; ++i) ask(wait);
  EXPECT_EQ(responses.back()->whole->status, 429);
  gate.unlock();
  std::size_t num_taken = 0;
  for (const auto& response : responses) num_taken += response->whole ? 0 : 1;
  for (std::size_t i = 0; i < num_taken; ++i) posts.run_one();
  EXPECT_EQ(responses.front()->whole->status, 500);
  EXPECT_EQ(responses.front()->whole->body.find("torn"), std::string::npos);
  EXPECT_THAT(log.front(), ::testing::HasSubstr("torn"));
}

TEST(InspectText, TokenThatIsNoWholeCharacterShowsItsBytes) {
  const testing::ByteTokenizer tokenizer;
  EXPECT_EQ(token_text(tokenizer, 'a').text, "a");
  EXPECT_EQ(token_text(tokenizer, 'a').hex, "");
  EXPECT_EQ(token_text(tokenizer, 0xE4).text, "\xEF\xBF\xBD");
  EXPECT_EQ(token_text(tokenizer, 0xE4).hex, "e4");
  EXPECT_EQ(token_text(tokenizer, 0xE4).bytes, 1U);
  EXPECT_TRUE(token_text(tokenizer, testing::kEndToken).is_special);
}

TEST(InspectQuery, ReadsFieldsAsAFormWritesThem) {
  QueryFields query("a=1&name=x%2Fy+z&&empty=&b=%zz&a=2");
  EXPECT_EQ(query.integer("a", 0, 9, 5), 1);
  EXPECT_EQ(query.integer("missing", 0, 9, 5), 5);
  EXPECT_EQ(query.text("name", 64), "x/y z");
  EXPECT_EQ(query.text("b", 64), "%zz");
  EXPECT_FALSE(query.error().has_value());
  EXPECT_EQ(query.integer("empty", 0, 9, 5), 5);
  EXPECT_EQ(query.error()->param, "empty");
}

class InspectModel : public InspectApi {
 protected:
  InspectModel() { model.set_folder(HEARTH_GOLDEN "/models/qwen2-tied"); }
  json ask(const Handler& handler, std::string tail = "", std::string query = "") {
    const auto response = get(handler, std::move(tail), std::move(query));
    json body = json::parse(response->whole->body);
    if (response->whole->status != 200) return body["code"];
    return body;
  }
  InspectModelParts parts() { return {*room.service, worker, model}; }

  ModelInspection model{[this](const std::string& line) { log.push_back(line); }};
};

TEST_F(InspectModel, ShowsTheTreeWithItsParameters) {
  const json body = ask(model_tree_handler(parts()));
  EXPECT_EQ(body["model"], "test");
  EXPECT_EQ(body["spec"]["architecture"], "Qwen2ForCausalLM");
  EXPECT_EQ(body["tree"]["parameters"], body["parameters"]);
  EXPECT_GT(body["tree"]["children"].size(), 0U);
}

TEST_F(InspectModel, ListsTensorsInPages) {
  const json all = ask(tensor_list_handler(parts()), "", "limit=1000");
  ASSERT_GT(all["tensors"].size(), 5U);
  json listed = json::array();
  std::string query = "limit=3";
  for (json page = ask(tensor_list_handler(parts()), "", query);;
       page = ask(tensor_list_handler(parts()), "", query)) {
    for (const json& tensor : page["tensors"]) listed.push_back(tensor);
    if (!page.contains("next")) break;
    query = "limit=3&after=" + page["next"].get<std::string>();
  }
  EXPECT_EQ(listed, all["tensors"]);
  for (const json& tensor :
       ask(tensor_list_handler(parts()), "", "prefix=model.layers.0.")["tensors"])
    EXPECT_TRUE(tensor["name"].get<std::string>().starts_with("model.layers.0."));
}

TEST_F(InspectModel, ShowsAWindowOfValuesAndStatistics) {
  const std::string name = "model.layers.0.self_attn.q_proj.weight";
  const json whole = ask(tensor_handler(parts()), name, "rows=64&columns=64");
  const json part = ask(tensor_handler(parts()), name, "row=1&rows=2&column=3&columns=4");
  ASSERT_EQ(part["values"].size(), 2U);
  ASSERT_EQ(part["values"][0].size(), 4U);
  EXPECT_EQ(part["values"][1][0], whole["values"][2][3]);
  EXPECT_EQ(part["statistics"], whole["statistics"]);
  EXPECT_LE(part["statistics"]["min"], part["values"][0][0]);
  EXPECT_EQ(ask(tensor_handler(parts()), name, "row=100000")["values"], json::array());
  const json bias = ask(tensor_handler(parts()), "model.layers.0.self_attn.q_proj.bias");
  EXPECT_EQ(bias["values"].size(), 1U);
}

TEST_F(InspectModel, UnknownTensorsAndWrongWindowsAreRefused) {
  EXPECT_EQ(ask(tensor_handler(parts()), "no.such.tensor"), "not_found");
  EXPECT_EQ(ask(tensor_handler(parts()), "x", "rows=65"), "invalid_parameter");
  EXPECT_EQ(ask(tensor_list_handler(parts()), "", "limit=0"), "invalid_parameter");
}

TEST_F(InspectModel, FolderThatIsGoneIsToldWithoutItsPath) {
  model.set_folder("/nonexistent/secret-place");
  const auto response = get(tensor_list_handler(parts()), "");
  EXPECT_EQ(response->whole->status, 500);
  EXPECT_EQ(response->whole->body.find("secret-place"), std::string::npos);
  EXPECT_THAT(log.front(), ::testing::HasSubstr("secret-place"));
}

}  // namespace
}  // namespace hearth::server
