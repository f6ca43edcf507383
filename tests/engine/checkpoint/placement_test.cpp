// Which device gets which layer.
#include "engine/checkpoint/placement.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/weight_map.h"

namespace hearth::engine {
namespace {

using Layers = std::vector<std::size_t>;

PlacementDevice gpu(int index, std::int64_t free_bytes, std::int64_t element_bytes = 1) {
  return {"cuda:" + std::to_string(index), free_bytes, element_bytes, false};
}
PlacementDevice host(std::int64_t free_bytes, std::int64_t element_bytes = 1) {
  return {"cpu", free_bytes, element_bytes, true};
}

PlacementSizes sizes(std::int64_t embedding, std::size_t num_layers, std::int64_t layer,
                     std::int64_t tail, bool is_head_tied = false) {
  return {embedding, std::vector<std::int64_t>(num_layers, layer), tail, is_head_tied};
}

TEST(Placement, OneDeviceTakesAllOrNothing) {
  const PlacementSizes model = sizes(10, 3, 20, 30);
  const std::vector cpu = {host(100)};
  const auto placed = place_layers(model, cpu);
  ASSERT_TRUE(placed);
  EXPECT_EQ(*placed, (Placement{0, {0, 0, 0}, 0}));
  EXPECT_EQ(describe(*placed, cpu), "cpu");
  EXPECT_FALSE(place_layers(model, std::vector{host(99)}));
  EXPECT_FALSE(place_layers(model, {}));
}

TEST(Placement, ATenthOfAGpuStaysFree) {
  const PlacementSizes model = sizes(10, 3, 20, 30);
  EXPECT_FALSE(place_layers(model, std::vector{gpu(0, 111)}));
  EXPECT_TRUE(place_layers(model, std::vector{gpu(0, 112)}));
}

TEST(Placement, TheFirstGpuIsEnoughWhereEverythingFits) {
  const auto placed = place_layers(sizes(10, 4, 20, 10), std::vector{gpu(0, 200), gpu(1, 900)});
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->layers, (Layers{0, 0, 0, 0}));
}

TEST(Placement, EqualGpusGetEqualShares) {
  const std::vector gpus = {gpu(0, 100), gpu(1, 100)};
  const auto even = place_layers(sizes(10, 4, 30, 10), gpus);
  ASSERT_TRUE(even);
  EXPECT_EQ(*even, (Placement{0, {0, 0, 1, 1}, 1}));
  EXPECT_EQ(describe(*even, gpus), "layers 0–1 on cuda:0, 2–3 on cuda:1");
  // One layer too many for equal halves: the first device has it.
  const auto odd = place_layers(sizes(0, 3, 40, 0), gpus);
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->layers, (Layers{0, 0, 1}));
  EXPECT_EQ(describe(*odd, gpus), "layers 0–1 on cuda:0, 2 on cuda:1");
}

TEST(Placement, SharesFollowTheFreeMemory) {
  const auto placed = place_layers(sizes(0, 8, 10, 0), std::vector{gpu(0, 30), gpu(1, 70)});
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->layers, (Layers{0, 0, 1, 1, 1, 1, 1, 1}));
}

TEST(Placement, ATiedHeadStaysWithTheEmbedding) {
  const std::vector gpus = {gpu(0, 100), gpu(1, 100)};
  const auto tied = place_layers(sizes(40, 3, 30, 1, true), gpus);
  ASSERT_TRUE(tied);
  EXPECT_EQ(*tied, (Placement{0, {0, 1, 1}, 0}));
  const auto own = place_layers(sizes(40, 3, 30, 1, false), gpus);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->tail, 1U);
}

TEST(Placement, TheHostTakesWhatTheGpusCannotHold) {
  const std::vector devices = {gpu(0, 100), gpu(1, 50), host(1000)};
  const auto placed = place_layers(sizes(10, 10, 20, 15), devices);
  ASSERT_TRUE(placed);
  EXPECT_EQ(*placed, (Placement{0, {0, 0, 0, 0, 1, 1, 2, 2, 2, 2}, 2}));
  EXPECT_EQ(describe(*placed, devices), "layers 0–3 on cuda:0, 4–5 on cuda:1, 6–9 on cpu");
  EXPECT_FALSE(place_layers(sizes(10, 10, 20, 15), std::vector{gpu(0, 100), host(100)}));
  EXPECT_FALSE(place_layers(sizes(10, 10, 20, 15), std::vector{gpu(0, 100), gpu(1, 50)}));
}

TEST(Placement, BytesAreThoseOfTheDevicesOwnDtype) {
  const PlacementSizes model = sizes(0, 4, 10, 0);
  // Two layers of fp16 on the GPU; the other two are fp32 on the host.
  const auto placed = place_layers(model, std::vector{gpu(0, 45, 2), host(80, 4)});
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->layers, (Layers{0, 0, 1, 1}));
  EXPECT_FALSE(place_layers(model, std::vector{gpu(0, 45, 2), host(79, 4)}));
}

TEST(Placement, AnEmbeddingTooLargeForTheFirstDeviceGoesToTheNext) {
  const auto placed = place_layers(sizes(60, 2, 10, 0), std::vector{gpu(0, 50), gpu(1, 100)});
  ASSERT_TRUE(placed);
  EXPECT_EQ(*placed, (Placement{1, {1, 1}, 1}));
}

// The fullest device's share of its memory; infinite where one overflows.
double fullest(const PlacementSizes& model, const Placement& placement,
               const std::vector<PlacementDevice>& devices) {
  std::vector<double> used(devices.size());
  used[placement.embedding] += static_cast<double>(model.embedding);
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    used[placement.layers[i]] += static_cast<double>(model.layers[i]);
  }
  used[placement.tail] += static_cast<double>(model.tail);
  double worst = 0.0;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const double share = used[i] / (0.9 * static_cast<double>(devices[i].free_bytes));
    worst = std::max(worst, share > 1.0 ? std::numeric_limits<double>::infinity() : share);
  }
  return worst;
}

// The best of all contiguous placements on three devices.
double best_of_all(const PlacementSizes& model, const std::vector<PlacementDevice>& devices) {
  double best = std::numeric_limits<double>::infinity();
  const std::size_t count = model.layers.size() + 2;  // embedding, layers, tail
  for (std::size_t first = 0; first <= count; ++first) {
    for (std::size_t second = first; second <= count; ++second) {
      const auto device_of = [&](std::size_t i) -> std::size_t {
        return i < first ? 0 : i < second ? 1 : 2;
      };
      Placement placement;
      placement.embedding = device_of(0);
      for (std::size_t i = 1; i + 1 < count; ++i) placement.layers.push_back(device_of(i));
      placement.tail = device_of(count - 1);
      best = std::min(best, fullest(model, placement, devices));
    }
  }
  return best;
}

TEST(Placement, NoOtherRunsOfLayersAreMoreEven) {
  std::mt19937 random(4);
  int num_placed = 0;
  for (int i = 0; i < 500; ++i) {
    PlacementSizes model = sizes(random() % 60, 1 + random() % 9, 0, random() % 60);
    for (std::int64_t& layer : model.layers) layer = 1 + random() % 40;
    std::vector<PlacementDevice> devices;
    for (int d = 0; d < 3; ++d) devices.push_back(gpu(d, 20 + random() % 120));
    const auto placed = place_layers(model, devices);
    const double best = best_of_all(model, devices);
    ASSERT_EQ(placed.has_value(), best <= 1.0);
    if (!placed) continue;
    ++num_placed;
    EXPECT_TRUE(std::is_sorted(placed->layers.begin(), placed->layers.end()));
    if (placed->tail < 2) continue;  // fewer devices were enough
    EXPECT_NEAR(fullest(model, *placed, devices), best, 1e-6);
  }
  EXPECT_GT(num_placed, 100);
}

// The sizes are the checkpoint's own parameters.
TEST(Placement, SizesAreTheParametersOfTheFolder) {
  for (const char* name : {"qwen2-tied", "llama3-gqa", "gemma2", "chatglm1-tiny", "chatglm2-tiny",
                           "yuan2-tiny", "vicuna-bin", "qwen2-cls"}) {
    const auto folder = std::filesystem::path(HEARTH_GOLDEN) / "models" / name;
    const auto spec = load_model_spec(folder);
    const auto checkpoint = Checkpoint::open(folder);
    ASSERT_TRUE(spec && checkpoint) << name;
    const auto weights = WeightMap::match(*checkpoint, *spec);
    ASSERT_TRUE(weights) << name;
    const PlacementSizes found = placement_sizes(*spec, weights->head_is_embedding(), 0);
    EXPECT_EQ(found.total(), static_cast<std::int64_t>(weights->num_parameters())) << name;
    EXPECT_EQ(found.layers.size(), static_cast<std::size_t>(spec->num_layers));
    const PlacementSizes cached = placement_sizes(*spec, weights->head_is_embedding(), 7);
    EXPECT_EQ(cached.layers.front(), found.layers.front() + 7);
  }
}

}  // namespace
}  // namespace hearth::engine
