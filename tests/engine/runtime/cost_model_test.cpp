// What a step will take, learned from those that were.
#include "engine/runtime/cost_model.h"

#include <cmath>

#include <gtest/gtest.h>

#include "engine/runtime/cost_probe.h"
#include "tests/support/fake_runner.h"

namespace hearth::engine::test {
namespace {

double seconds_of(const StepCost& cost, const StepSize& size) {
  return cost.a_s + cost.b_s * size.tokens + cost.c_s * size.pairs + cost.d_s * size.outputs;
}

TEST(CostModel, LearnsFromSteps) {
  CostModel model;
  const StepCost truth{.a_s = 0.004, .b_s = 0.0002, .c_s = 3e-7};
  for (std::int64_t i = 0; i < 300; ++i) {
    StepSize size = StepSize::of(1 + i % 7, 100 + 13 * (i % 11));
    if (i % 3 == 0) size += StepSize::of(64 + i, 10 * (i % 5));
    model.observe(size, seconds_of(truth, size));
  }
  const StepSize probe = StepSize::of(256, 512);
  const double expected = seconds_of(truth, probe);
  EXPECT_NEAR(model.seconds(probe), expected, 0.05 * expected);
}

TEST(CostModel, StaysSaneWhenEveryStepIsTheSame) {
  CostModel model;
  for (int i = 0; i < 5000; ++i) model.observe(StepSize::of(1, 50), 0.02);
  EXPECT_NEAR(model.seconds(StepSize::of(1, 50)), 0.02, 0.002);
  EXPECT_GT(model.tokens_within(0.1, 50), 1);
  EXPECT_LT(model.tokens_within(0.1, 50), 1000);
  model.observe(StepSize::of(1, 50), 0.0);  // a clock that stood still teaches nothing
  EXPECT_GT(model.cost().b_s, 0.0);
}

// The price of a prompt token is not forgotten while nobody sends a prompt.
TEST(CostModel, AnHourOfDecodesLeavesThePriceOfAPromptAlone) {
  const StepCost truth{.a_s = 0.015, .b_s = 0.0004, .c_s = 2e-8, .d_s = 0.001};
  CostModel model;
  for (std::int64_t i = 0; i < 200; ++i) {
    for (const std::int64_t count : {1, 16, 64, 200}) {
      const StepSize size = StepSize::of(count, 10 * i, true);
      model.observe(size, seconds_of(truth, size));
    }
  }
  const double before = model.cost().b_s;
  EXPECT_NEAR(before, truth.b_s, 0.1 * truth.b_s);
  for (std::int64_t i = 0; i < 100000; ++i) {
    const StepSize size = StepSize::of(1, i % 1000, true);
    const double noise = 1.0 + 0.2 * std::sin(static_cast<double>(i));
    model.observe(size, noise * seconds_of(truth, size));
  }
  EXPECT_NEAR(model.cost().b_s, before, 0.25 * before);
}

TEST(CostModel, FollowsAMachineThatGetsSlower) {
  const StepCost truth{.a_s = 0.015, .b_s = 0.0004};
  CostModel model;
  for (const double factor : {1.0, 3.0}) {
    for (std::int64_t i = 0; i < 400; ++i) {
      const StepSize size = StepSize::of(1 + 10 * (i % 5), 0, true);
      model.observe(size, factor * seconds_of(truth, size));
    }
  }
  const StepSize probe = StepSize::of(30, 0, true);
  EXPECT_NEAR(model.seconds(probe) / seconds_of(truth, probe), 3.0, 0.5);
}

TEST(CostModel, ALateStepWeighsLittle) {
  CostModel model;
  for (std::int64_t i = 0; i < 500; ++i)
    model.observe(StepSize::of(1, 0, true), i % 50 == 49 ? 0.5 : 0.02);
  EXPECT_NEAR(model.seconds(StepSize::of(1, 0, true)), 0.02, 0.004);
}

// A thousand times faster and fifty times slower than the guess.
TEST(CostModel, FindsAMachineFarFromItsFirstGuess) {
  for (const StepCost& truth : {StepCost{.a_s = 2e-4, .b_s = 1e-6, .c_s = 1e-12, .d_s = 1e-6},
                                StepCost{.a_s = 1.0, .b_s = 0.05, .c_s = 1e-6, .d_s = 0.02}}) {
    CostModel model;
    for (std::int64_t i = 0; i < 300; ++i) {
      const StepSize size = StepSize::of(1 + 40 * (i % 4), 50 * (i % 7), true);
      model.observe(size, seconds_of(truth, size));
    }
    const StepSize probe = StepSize::of(100, 100, true);
    EXPECT_NEAR(model.seconds(probe) / seconds_of(truth, probe), 1.0, 0.1);
  }
}

TEST(CostProbe, LearnsFromAFewStepsOnNobodysBehalf) {
  const StepCost truth{.a_s = 0.01, .b_s = 0.002};
  FakeRunner runner;
  double now_s = 0.0;
  runner.after_step = [&] {
    now_s += truth.a_s + truth.b_s * static_cast<double>(runner.num_tokens_in_last_step());
  };
  CostModel model;
  probe_step_costs(
      runner, [&] { return now_s; },
      [&](const StepSize& size, double seconds) { model.observe(size, seconds); });
  EXPECT_EQ(runner.num_broken_promises(), 0);
  EXPECT_GT(runner.num_steps(), 4);
  const StepSize chunk = StepSize::of(48, 0, true);
  EXPECT_NEAR(model.seconds(chunk), seconds_of(truth, chunk), 0.3 * model.seconds(chunk));
}

TEST(CostProbe, ARunnerThatFailsEndsIt) {
  FakeRunner runner;
  runner.faults.fail_step = [](std::int64_t) { return "no memory"; };
  int num_observed = 0;
  probe_step_costs(
      runner, [] { return 0.0; }, [&](const StepSize&, double) { ++num_observed; });
  EXPECT_EQ(runner.num_steps(), 1);
  EXPECT_EQ(num_observed, 0);
}

}  // namespace
}  // namespace hearth::engine::test
