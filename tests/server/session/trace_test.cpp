// What is kept of a reply's tokens: the blobs, and which of them are due when.
#include "server/session/trace.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "server/session/trace_codec.h"
#include "tests/server/session/support/fake_text.h"

namespace hearth::server {
namespace {

using engine::InspectedCandidate;
using engine::SamplingStage;
using engine::TokenCandidates;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TokenCandidates candidates_of(std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> logit(-20.0F, 20.0F);
  TokenCandidates kept;
  for (std::size_t i = 0; i < 70; ++i) {
    const float x = logit(random);
    kept.candidates.push_back({.id = static_cast<TokenId>(random() % 200000),
                               .logit = x,
                               .score = i % 3 == 0 ? x / 2.0F : x,
                               .cut_by = i > 10 ? SamplingStage::top_p : SamplingStage::raw});
  }
  kept.candidates.back().score = -kInfinity;
  kept.num_listed = 64;
  kept.u = 0.25F;
  kept.entropy = 3.5F;
  kept.log_tail.fill(-kInfinity);
  kept.log_tail[2] = -1.25F;
  kept.stages = {{SamplingStage::raw, 21.5F, 151936}, {SamplingStage::top_p, 20.0F, 11}};
  return kept;
}

std::vector<TracedToken> some_tokens(std::size_t count) {
  std::vector<TracedToken> tokens;
  for (std::size_t i = 0; i < count; ++i) {
    TracedToken token{.record = {.id = static_cast<TokenId>(1000 * i),
                                 .logprob = -0.5F * static_cast<float>(i),
                                 .u = 0.125F,
                                 .rank = static_cast<std::int32_t>(i * i)},
                      .bytes = static_cast<std::uint32_t>(i % 5)};
    if (i % 4 != 3)
      token.candidates =
          std::make_shared<const TokenCandidates>(candidates_of(static_cast<std::uint32_t>(i)));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

void expect_same_records(const std::vector<TracedToken>& a, const std::vector<TracedToken>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].record.id, b[i].record.id);
    EXPECT_EQ(a[i].record.logprob, b[i].record.logprob);
    EXPECT_EQ(a[i].record.u, b[i].record.u);
    EXPECT_EQ(a[i].record.rank, b[i].record.rank);
    EXPECT_EQ(a[i].bytes, b[i].bytes);
  }
}

TEST(TraceCodec, TokensAndCandidatesComeBackAsTheyWere) {
  const std::vector<TracedToken> tokens = some_tokens(kTraceChunkTokens);
  auto back = decode_tokens(encode_tokens(tokens)).value();
  expect_same_records(back, tokens);
  ASSERT_TRUE(decode_candidates(encode_candidates(tokens), back).has_value());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    ASSERT_EQ(back[i].candidates == nullptr, tokens[i].candidates == nullptr);
    if (tokens[i].candidates) {
      EXPECT_EQ(*back[i].candidates, *tokens[i].candidates);
    }
  }
}

TEST(TraceCodec, AnInspectedTokenTakesLessThanOneKilobyte) {
  const std::vector<TracedToken> tokens = some_tokens(1);
  EXPECT_LT(encode_candidates(tokens).size(), 1024U);
  EXPECT_LT(encode_tokens(tokens).size(), 24U);
}

TEST(TraceCodec, IdsAndHeadComeBackAsTheyWere) {
  const std::vector<TokenId> ids{0, 1, 127, 128, 151645, std::numeric_limits<TokenId>::max()};
  EXPECT_EQ(decode_ids(encode_ids(ids)).value(), ids);
  TraceHead head{.is_inspected = true, .branch = BranchPoint{.message = {}, .at = 5}};
  head.branch->message.bytes[3] = 77;
  head.sampling.do_sample = true;
  head.sampling.temperature = 0.7;
  head.sampling.top_k = 20;
  const TraceHead back = decode_head(encode_head(head)).value();
  EXPECT_TRUE(back.is_inspected);
  EXPECT_EQ(back.branch->message, head.branch->message);
  EXPECT_EQ(back.branch->at, 5U);
  EXPECT_EQ(back.sampling.temperature, 0.7);
  EXPECT_EQ(back.sampling.top_k, 20);
}

// The disk, a newer version, or a bug may hand us anything.
TEST(TraceCodec, DamagedBlobsAreErrorsWhateverIsMissingOrChanged) {
  const std::vector<TracedToken> tokens = some_tokens(3);
  const std::string of_tokens = encode_tokens(tokens);
  const std::string of_candidates = encode_candidates(tokens);
  const std::string of_ids = encode_ids(std::vector<TokenId>{1, 2, 300});
  const std::string of_head = encode_head({});
  for (std::size_t end = 0; end < of_tokens.size(); ++end)
    EXPECT_FALSE(decode_tokens(of_tokens.substr(0, end)).has_value());
  for (std::size_t end = 0; end < of_candidates.size(); ++end) {
    auto back = tokens;
    EXPECT_FALSE(decode_candidates(of_candidates.substr(0, end), back).has_value());
  }
  for (std::size_t end = 0; end < of_ids.size(); ++end)
    EXPECT_FALSE(decode_ids(of_ids.substr(0, end)).has_value());
  for (std::size_t end = 0; end < of_head.size(); ++end)
    EXPECT_FALSE(decode_head(of_head.substr(0, end)).has_value());
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {  // whatever comes out, nothing else happens
    std::string changed = of_candidates;
    changed[random() % changed.size()] = static_cast<char>(random());
    auto back = tokens;
    static_cast<void>(decode_candidates(changed, back));
    static_cast<void>(decode_tokens(changed));
    static_cast<void>(decode_ids(changed));
  }
}

class ReplyTraceTest : public ::testing::Test {
 protected:
  ReplyTraceTest() { request.max_tokens = 1000; }

  void write(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      stream.append({.id = 'a' + static_cast<TokenId>(stream.published() % 26)}, {});
    text.pull(stream);
  }
  std::vector<std::int64_t> due(ReplyTrace::Until until) {
    std::vector<std::int64_t> places;
    for (const TraceBlob& blob : trace.take_blobs(&stream, text, until))
      places.push_back(blob.place);
    return places;
  }
  static constexpr auto kWhole = ReplyTrace::Until::last_whole_chunk;
  static constexpr auto kEnd = ReplyTrace::Until::end;
  using Places = std::vector<std::int64_t>;

  engine::GenerationRequest request;
  engine::TokenStream stream{[this] {
    request.max_tokens = 1000;
    return request;
  }()};
  ReplyText text{std::make_shared<testing::ByteTokenizer>(), {}};
  ReplyTrace trace{{}, {}, {}};
};

TEST_F(ReplyTraceTest, WholeChunksAreDueOnceAndTheRestAtTheEnd) {
  write(63);
  EXPECT_EQ(due(kWhole), Places{});
  write(2);
  EXPECT_EQ(due(kWhole), (Places{TracePlace::kHead, TracePlace::tokens(0)}));
  EXPECT_EQ(due(kWhole), Places{});
  write(70);
  EXPECT_EQ(due(kWhole), Places{TracePlace::tokens(1)});
  text.finish();
  EXPECT_EQ(due(kEnd), Places{TracePlace::tokens(2)});
  EXPECT_EQ(due(kEnd), Places{});
}

TEST_F(ReplyTraceTest, AReplyWithoutTokensStillHasItsHead) {
  EXPECT_EQ(due(kEnd), Places{TracePlace::kHead});
}

TEST_F(ReplyTraceTest, PromptIsKeptWhenThereIsOne) {
  trace = ReplyTrace({.is_inspected = true}, {5, 6, 7}, {});
  EXPECT_EQ(due(kEnd), (Places{TracePlace::kHead, TracePlace::kPrompt}));
}

TEST_F(ReplyTraceTest, AbsorbedTokensStandBeforeThoseOfTheNextStream) {
  write(3);
  trace.absorb(stream);
  engine::GenerationRequest next = request;
  next.given = trace.records();
  ASSERT_EQ(next.given.size(), 3U);
  engine::TokenStream second(next);
  second.append({.id = 'z', .logprob = -2.0F}, {});
  ReplyText again(std::make_shared<testing::ByteTokenizer>(), {});
  again.pull(second);
  again.finish();
  EXPECT_EQ(again.text(), "abcz");
  const auto tokens = trace.slice(&second, again, 1, 4);
  ASSERT_EQ(tokens.size(), 3U);
  EXPECT_EQ(tokens[0].record.id, 'b');
  EXPECT_EQ(tokens[2].record.id, 'z');
  EXPECT_EQ(tokens[2].record.logprob, -2.0F);
  EXPECT_EQ(tokens[2].bytes, 1U);
}

}  // namespace
}  // namespace hearth::server
