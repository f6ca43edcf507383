#include "server/session/load_report.h"

#include <gtest/gtest.h>

#include "server/session/events.h"
#include "tests/server/session/support/room.h"

namespace hearth::server {
namespace {

using testing::FakeClock;

class LoadReportTest : public ::testing::Test {
 protected:
  const LoadStage& stage(std::size_t index) { return report.status().stages.at(index); }

  FakeClock time;
  LoadReport report{{.model = "demo",
                     .files_ms = 98.04,
                     .text_ms = 812.0,
                     .vocabulary = 151'669,
                     .weight_bytes = 1'000,
                     .dtype = "bf16"},
                    time.clock()};
};

TEST_F(LoadReportTest, BeginsWithWhatWasReadBeforeAnybodyCouldAsk) {
  EXPECT_EQ(report.status().stage, "weights");
  EXPECT_EQ(report.status().percent, 0.0);
  ASSERT_EQ(report.status().stages.size(), 3U);
  EXPECT_EQ(stage(0).name, "config");
  EXPECT_EQ(stage(0).ms, 98.04);
  EXPECT_EQ(stage(1).tokens, 151'669);
  EXPECT_EQ(stage(2).bytes_all, 1'000);
  EXPECT_FALSE(stage(2).ms);
}

TEST_F(LoadReportTest, TellsBytesAndTensorOnceAPercent) {
  ASSERT_TRUE(report.weights_moved(10.0, "embed_tokens"));
  EXPECT_EQ(stage(2).bytes, 100);
  EXPECT_EQ(stage(2).tensor, "embed_tokens");
  EXPECT_FALSE(report.weights_moved(10.9, "layers.0"));
  EXPECT_EQ(stage(2).tensor, "embed_tokens");
  EXPECT_TRUE(report.weights_moved(11.0, "layers.1"));
}

TEST_F(LoadReportTest, TheTimeLeftIsToldAsSoonAsThreePercentWereSeenToPass) {
  time.advance(Milliseconds(5'000));  // before the first tensor: nothing is learnt of the rate
  EXPECT_FALSE(report.weights_moved(10.0, "a")->eta_ms);
  time.advance(Milliseconds(1'000));
  EXPECT_FALSE(report.weights_moved(12.0, "b")->eta_ms);
  time.advance(Milliseconds(1'000));
  EXPECT_EQ(report.weights_moved(30.0, "c")->eta_ms, 7'000);  // 20 % in 2 s
}

TEST_F(LoadReportTest, AfterTheWeightsComeTheMemoryOfConversationsAndTheMeasuring) {
  report.weights_moved(10.0, "a");
  time.advance(Milliseconds(3'000));
  const auto loaded = report.weights_moved(100.0, "");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->stage, "cache");
  EXPECT_EQ(loaded->percent, 100.0);
  EXPECT_FALSE(loaded->eta_ms);
  EXPECT_EQ(stage(2).ms, 3'000.0);
  EXPECT_EQ(stage(2).bytes, 1'000);
  EXPECT_TRUE(stage(2).tensor.empty());
  time.advance(Milliseconds(200));
  const ModelStatus measuring = report.measuring(98'304);
  EXPECT_EQ(measuring.stage, "measure");
  EXPECT_EQ(stage(3).ms, 200.0);
  EXPECT_EQ(stage(3).tokens, 98'304);
  EXPECT_FALSE(stage(4).ms);
}

TEST_F(LoadReportTest, ALastTensorAtAHundredPercentIsNotTheEnd) {
  report.weights_moved(100.0, "lm_head");
  EXPECT_EQ(report.status().stage, "weights");
  report.weights_moved(100.0, "");
  report.weights_moved(100.0, "");
  EXPECT_EQ(report.status().stages.size(), 4U);
}

TEST_F(LoadReportTest, ALoaderThatSaysNothingIsDoneWhenItIsDone) {
  report.measuring(4'096);
  ASSERT_EQ(report.status().stages.size(), 5U);
  EXPECT_EQ(stage(2).bytes, 1'000);
}

TEST_F(LoadReportTest, WhoComesInTheMiddleIsToldTheSame) {
  report.weights_moved(41.52, "model.layers.0.mlp.up_proj");
  const auto told = model_event(report.status(), 512).body;
  const auto entry = to_json(report.status(), 512);
  EXPECT_EQ(told["stage"], "weights");
  EXPECT_EQ(told["percent"], 41.5);
  EXPECT_EQ(told["stages"].dump(),
            R"([{"stage":"config","ms":98.0},{"stage":"tokenizer","ms":812.0,"tokens":151669},)"
            R"({"stage":"weights","bytes":415,"bytes_all":1000,)"
            R"("tensor":"model.layers.0.mlp.up_proj","dtype":"bf16"}])");
  EXPECT_EQ(entry["stages"], told["stages"]);
  EXPECT_EQ(entry["percent"], told["percent"]);
}

}  // namespace
}  // namespace hearth::server
