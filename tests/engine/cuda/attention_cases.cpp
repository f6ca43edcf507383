#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "tests/engine/cuda/kernel_cases.h"
#include "tests/engine/cuda/test_memory.h"

namespace hearth::engine::cuda::testing {
namespace {

struct Shape {
  Numbers numbers = Numbers::bf16;
  int num_heads = 1;
  int num_kv_heads = 1;
  int head_dim = 64;
  int window = 0;
  float softcap = 0.0F;
  int num_splits = 1;
};

struct Row {
  int position;
  int num_tokens;
};

// A cache filled by the rope kernel without rotation, and attention over it.
class Scene {
 public:
  Scene(Device& device, const Shape& shape, std::vector<Row> rows)
      : device_(device), shape_(shape), rows_(std::move(rows)), memory_(device) {
    const int piece = kPieceBytes / bytes_of(shape.numbers);
    heads_.num_heads = shape.num_heads;
    heads_.num_kv_heads = shape.num_kv_heads;
    heads_.head_dim = shape.head_dim;
    heads_.padded_dim = (shape.head_dim + piece - 1) / piece * piece;
    for (const Row& row : rows_) longest_ = std::max(longest_, row.position + row.num_tokens);
    heads_.table_stride = (longest_ + kBlockTokens - 1) / kBlockTokens;
    const int num_blocks = heads_.table_stride * static_cast<int>(rows_.size());
    std::vector<std::int32_t> tables(static_cast<std::size_t>(num_blocks));
    std::iota(tables.begin(), tables.end(), 0);
    std::shuffle(tables.begin(), tables.end(), std::mt19937(9));
    heads_.tables = memory_.put(tables);
    const auto cache_bytes = static_cast<std::size_t>(num_blocks * shape.num_kv_heads *
                                                      heads_.padded_dim * kBlockTokens) *
                             sizeof(float);
    heads_.keys = memory_.zeros(cache_bytes);
    heads_.values = memory_.zeros(cache_bytes);
    fill();
  }

  void expect_exact() {
    AttentionArgs args = arguments();
    const std::size_t count = static_cast<std::size_t>(num_tokens_ * args.out_stride);
    args.out = memory_.zeros(count * sizeof(float));
    device_.launch(args);
    const std::vector<float> out = memory_.get_activations(args.out, count, shape_.numbers);
    int token = 0;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      for (int t = 0; t < rows_[r].num_tokens; ++t, ++token) {
        for (int h = 0; h < shape_.num_heads; ++h)
          expect_head(out.data() + token * args.out_stride + h * shape_.head_dim, r,
                      rows_[r].position + t, h);
      }
    }
    const auto tickets = memory_.get(args.tickets, 4096);
    EXPECT_TRUE(std::all_of(tickets.begin(), tickets.end(), [](int t) { return t == 0; }));
  }

 private:
  int width() const { return (shape_.num_heads + 2 * shape_.num_kv_heads) * shape_.head_dim; }
  const std::vector<float>& qkv_of(std::size_t row) const { return qkv_[row]; }

  // All tokens of every row through the rope kernel; the last of them are the queries.
  void fill() {
    const int all = longest_ * static_cast<int>(rows_.size());
    std::vector<float> together;
    std::vector<std::int32_t> positions;
    std::vector<std::int32_t> token_rows;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const auto size = static_cast<std::size_t>(longest_ * width());
      qkv_.push_back(random_values(size, 20 + static_cast<unsigned>(r)));
      together.insert(together.end(), qkv_.back().begin(), qkv_.back().end());
      for (int t = 0; t < longest_; ++t) {
        positions.push_back(t);
        token_rows.push_back(static_cast<std::int32_t>(r));
      }
    }
    RopeArgs args;
    args.numbers = shape_.numbers;
    args.qkv = memory_.put(together);
    args.num_tokens = all;
    args.heads = heads_;
    args.heads.positions = memory_.put(positions);
    args.heads.token_rows = memory_.put(token_rows);
    args.heads.queries = static_cast<float*>(
        memory_.zeros(static_cast<std::size_t>(all * shape_.num_heads * shape_.head_dim) * 4));
    device_.launch(args);
  }

  AttentionArgs arguments() {
    const int group = shape_.num_heads / shape_.num_kv_heads;
    const bool has_prompt =
        std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.num_tokens > 1; });
    AttentionArgs args;
    args.numbers = shape_.numbers;
    args.queries_per_item = has_prompt || group > 4 ? 8 : group > 2 ? 4 : group;
    std::vector<std::int32_t> items;
    std::vector<std::int32_t> spans;
    std::vector<float> queries;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const Row& row = rows_[r];
      for (int q = 0; q < row.num_tokens * group; q += args.queries_per_item)
        items.insert(items.end(), {static_cast<std::int32_t>(r), q});
      spans.insert(spans.end(), {num_tokens_, row.num_tokens, row.position});
      num_tokens_ += row.num_tokens;
      for (int t = 0; t < row.num_tokens; ++t) {
        const auto* from = qkv_of(r).data() + (row.position + t) * width();
        queries.insert(queries.end(), from, from + shape_.num_heads * shape_.head_dim);
      }
    }
    args.num_items = static_cast<int>(items.size() / 2);
    args.heads = heads_;
    args.heads.queries = memory_.put(queries);
    args.items = reinterpret_cast<const AttentionItem*>(memory_.put(items));
    args.rows = reinterpret_cast<const RowSpan*>(memory_.put(spans));
    args.scale = 0.3F;
    args.softcap = shape_.softcap;
    args.window = shape_.window;
    args.num_splits = shape_.num_splits;
    const auto parts = static_cast<std::size_t>(args.num_items * shape_.num_kv_heads *
                                                shape_.num_splits * args.queries_per_item);
    args.partial = static_cast<float*>(
        memory_.zeros(parts * static_cast<std::size_t>(heads_.padded_dim + 2) * 4));
    args.tickets = static_cast<std::int32_t*>(memory_.zeros(4096 * 4));
    args.out_stride = padded_row(shape_.num_heads * shape_.head_dim);
    return args;
  }

  void expect_head(const float* out, std::size_t row, int position, int head) const {
    const int kv_head = head / (shape_.num_heads / shape_.num_kv_heads);
    const int dim = shape_.head_dim;
    const float* query = qkv_of(row).data() + position * width() + head * dim;
    const int begin = shape_.window > 0 ? std::max(0, position + 1 - shape_.window) : 0;
    std::vector<double> weights;
    double total = 0.0;
    for (int key = begin; key <= position; ++key) {
      const float* at = qkv_of(row).data() + key * width() + (shape_.num_heads + kv_head) * dim;
      double score = 0.0;
      for (int c = 0; c < dim; ++c)
        score += static_cast<double>(query[c]) * stored(at[c], shape_.numbers) * 0.3;
      if (shape_.softcap > 0.0F) score = shape_.softcap * std::tanh(score / shape_.softcap);
      weights.push_back(std::exp(score));
      total += weights.back();
    }
    for (int c = 0; c < dim; ++c) {
      double value = 0.0;
      for (int key = begin; key <= position; ++key) {
        const float* at = qkv_of(row).data() + key * width() +
                          (shape_.num_heads + shape_.num_kv_heads + kv_head) * dim;
        value +=
            weights[static_cast<std::size_t>(key - begin)] / total * stored(at[c], shape_.numbers);
      }
      const double rounding =
          shape_.numbers == Numbers::fp32 ? 1e-5 : 0.004 * std::fabs(value) + 2e-5;
      ASSERT_NEAR(static_cast<double>(out[c]), value, rounding)
          << "row " << row << ", position " << position << ", head " << head << ", channel " << c;
    }
  }

  Device& device_;
  Shape shape_;
  std::vector<Row> rows_;
  TestMemory memory_;
  HeadArgs heads_;
  int longest_ = 0;
  int num_tokens_ = 0;
  std::vector<std::vector<float>> qkv_;  // [longest, width] of each row
};

}  // namespace

void expect_attention_is_exact(Device& device) {
  const std::vector<Row> decodes = {{0, 1}, {15, 1}, {16, 1}, {255, 1}, {256, 1}, {600, 1}};
  const std::vector<Row> mixed = {{0, 21}, {250, 9}, {530, 1}};
  for (const int num_splits : {1, kMaxSplits}) {
    for (const auto& [heads, kv_heads, dim] :
         {std::array{1, 1, 64}, std::array{4, 2, 12}, std::array{7, 1, 8}, std::array{12, 1, 16},
          std::array{2, 1, 256}, std::array{8, 2, 128}}) {
      SCOPED_TRACE(std::to_string(heads) + " heads, " + std::to_string(kv_heads) + " kv, dim " +
                   std::to_string(dim) + ", splits " + std::to_string(num_splits));
      Scene(device, {Numbers::bf16, heads, kv_heads, dim, 0, 0.0F, num_splits}, decodes)
          .expect_exact();
    }
    for (const Numbers numbers : {Numbers::fp32, Numbers::fp16, Numbers::bf16}) {
      Scene(device, {numbers, 4, 2, 24, 0, 0.0F, num_splits}, mixed).expect_exact();
      Scene(device, {numbers, 4, 1, 16, 100, 0.0F, num_splits}, mixed).expect_exact();
      Scene(device, {numbers, 2, 2, 80, 300, 5.0F, num_splits}, decodes).expect_exact();
    }
  }
  // More chunks than splits: 36 of 256, so that each takes two.
  Scene(device, {Numbers::bf16, 2, 1, 8, 0, 0.0F, kMaxSplits}, {{9100, 1}}).expect_exact();
}

}  // namespace hearth::engine::cuda::testing
