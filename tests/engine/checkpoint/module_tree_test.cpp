#include "engine/checkpoint/module_tree.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "engine/checkpoint/checkpoint.h"

namespace hearth::engine {
namespace {

Module tree_of(const std::string& name) {
  const auto folder = std::filesystem::path(HEARTH_GOLDEN) / "models" / name;
  const auto checkpoint = Checkpoint::open(folder);
  const auto spec = load_model_spec(folder);
  EXPECT_TRUE(checkpoint && spec);
  return make_module_tree(*spec, WeightMap::match(*checkpoint, *spec).value());
}

// By dotted path; a default module when there is none.
Module at(const Module& root, const std::string& path) {
  const std::size_t dot = path.find('.');
  for (const Module& child : root.children) {
    if (child.name != path.substr(0, dot)) continue;
    return dot == std::string::npos ? child : at(child, path.substr(dot + 1));
  }
  return {};
}

TEST(ModuleTree, LeavesHaveShapesBiasesAndCounts) {
  const Module tree = tree_of("qwen2-tied");
  EXPECT_EQ(tree.name, "Qwen2ForCausalLM");
  EXPECT_EQ(at(tree, "model.embed_tokens").detail, "461, 80");
  const Module q_proj = at(tree, "model.layers.0-2.self_attn.q_proj");
  EXPECT_EQ(q_proj.kind, "Linear");
  EXPECT_EQ(q_proj.detail, "in 80, out 80, bias");
  EXPECT_EQ(q_proj.num_parameters, 80U * 80U + 80U);
  EXPECT_EQ(q_proj.dtype, "F32");
  EXPECT_EQ(at(tree, "model.layers.0-2.mlp.up_proj").detail, "in 80, out 144");
  EXPECT_EQ(at(tree, "model.norm").detail, "80, eps 0.005");
}

TEST(ModuleTree, EqualLayersFoldIntoOneEntryThatCountsAll) {
  const Module tree = tree_of("qwen2-tied");
  const Module layers = at(tree, "model.layers");
  ASSERT_EQ(layers.children.size(), 1U);
  EXPECT_EQ(layers.children[0].num_copies, 3);
  EXPECT_EQ(layers.num_parameters, layers.children[0].num_parameters);
  std::uint64_t inside = 0;
  for (const Module& child : layers.children[0].children) inside += child.num_parameters;
  EXPECT_EQ(layers.num_parameters, 3 * inside);
}

// Counts of parameters by the generators (expected.json).
TEST(ModuleTree, NetworksOfTheirOwnAreListsOfModulesToo) {
  EXPECT_EQ(at(tree_of("yuan2-tiny"), "model.layers.0-2.self_attn.lf_gate.conv1").detail,
            "in 80, out 40, taps 2, bias");
  EXPECT_EQ(at(tree_of("bert-cls"), "bert.embeddings.LayerNorm").kind, "LayerNorm");
  EXPECT_EQ(at(tree_of("bert-cls"), "classifier").detail, "in 64, out 3, bias");
  EXPECT_EQ(at(tree_of("chatglm1-tiny"), "transformer.layers.0-1.attention.query_key_value").detail,
            "in 64, out 192, bias");
  EXPECT_EQ(tree_of("chatglm2-tiny").num_parameters, 132232U);
  EXPECT_EQ(tree_of("chatglm3-tiny").num_parameters, 183072U);
  // These two store the head beside the embedding, equal to it.
  EXPECT_EQ(tree_of("chatglm1-tiny").num_parameters, 186112U - 672U * 64U);
  EXPECT_EQ(tree_of("yuan2-tiny").num_parameters, 350600U - 672U * 80U);
}

TEST(ModuleTree, ATiedHeadIsNotedAndNotCounted) {
  const Module tree = tree_of("qwen2-tied");
  EXPECT_EQ(at(tree, "lm_head").kind, "tied");
  EXPECT_EQ(at(tree, "lm_head").num_parameters, 0U);
  EXPECT_EQ(tree.num_parameters, at(tree, "model").num_parameters);
  EXPECT_EQ(at(tree_of("qwen2-sharded"), "lm_head").detail, "in 64, out 448");
}

}  // namespace
}  // namespace hearth::engine
