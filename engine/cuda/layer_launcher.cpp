#include "engine/cuda/layer_launcher.h"

#include <algorithm>

#include "engine/cuda/kernels/launch.h"

namespace hearth::engine::cuda {
namespace {

// Rows that a Gemv norms for itself: more shared memory would keep blocks from running beside each
// other.
constexpr int kFusedNormBytes = 64 << 10;
constexpr int kPairsPerProcessor = 16;  // below, warps share a pair

// So many warps share a row that the device has enough of them and each still reads whole lines.
int split_of(const Matrix& matrix, int num_processors) {
  const int pairs = (matrix.rows + 1) / 2;
  const int lanes = matrix.stride * bytes_of(matrix.numbers) / kPieceBytes;
  int split = 1;
  while (split < kWarps && pairs * split < kPairsPerProcessor * num_processors &&
         lanes >= 2 * split * kLanes)
    split *= 2;
  return split;
}

}  // namespace

LayerLauncher::LayerLauncher(Device& device, const ModelSpec& spec, Numbers numbers,
                             const DeviceWeights& weights, const StepMemory& memory,
                             CachePlace cache)
    : device_(device),
      spec_(spec),
      numbers_(numbers),
      weights_(weights),
      memory_(memory),
      cache_(cache) {}

void LayerLauncher::run(const StepShape& shape, const OutputPlace& place) {
  shape_ = shape;
  const InputLayout at(shape);
  device_.launch(EmbedArgs{weights_.embedding, input(at.ids), shape.num_tokens,
                           static_cast<float>(spec_.embedding_scale),
                           memory_.residual.as<float>()});
  for (std::int64_t i = 0; i < spec_.num_layers; ++i) {
    const LayerWeights& layer = weights_.layers[static_cast<std::size_t>(i)];
    attention_block(layer, i);
    mlp_block(layer);
  }
  if (shape.num_outputs() > 0) outputs(place);
}

NormArgs LayerLauncher::norm(const float* weight, const float* input) const {
  return {input, weight, spec_.norm == NormKind::rms_unit_offset ? 1.0F : 0.0F,
          static_cast<float>(spec_.norm_eps), static_cast<int>(spec_.hidden_size)};
}

HeadArgs LayerLauncher::heads(std::int64_t layer) const {
  const InputLayout at(shape_);
  const bool is_local = spec_.layers[static_cast<std::size_t>(layer)].local_rope;
  const RopeSpec& rope = is_local ? spec_.local_rope : spec_.rope;
  const Buffer& table = is_local ? memory_.local_rope : memory_.rope;
  const std::int64_t half_bytes = cache_.num_blocks * cache_.shape.layer_block_bytes();
  HeadArgs args;
  args.positions = input(at.positions);
  args.token_rows = input(at.token_rows);
  args.tables = input(at.tables);
  args.table_stride = shape_.table_stride;
  args.num_heads = static_cast<int>(spec_.num_heads);
  args.num_kv_heads = static_cast<int>(spec_.num_kv_heads);
  args.head_dim = static_cast<int>(spec_.head_dim);
  args.padded_dim = static_cast<int>(cache_.shape.padded_dim);
  args.queries = memory_.queries.as<float>();
  args.keys = cache_.data + 2 * layer * half_bytes;
  args.values = cache_.data + (2 * layer + 1) * half_bytes;
  args.rope = table.as<float>();
  args.rope_half = static_cast<int>(rope.dim / 2);
  args.interleaved = rope.layout == RopeLayout::interleaved;
  return args;
}

void LayerLauncher::normalise(const float* weight) {
  RmsNormArgs args;
  args.norm = norm(weight, memory_.residual.as<float>());
  args.numbers = activations_of(numbers_);
  args.num_rows = args.num_activations = shape_.num_tokens;
  args.out = memory_.normed.data();
  args.out_stride = padded_row(static_cast<int>(spec_.hidden_size));
  device_.launch(args);
}

GemvArgs LayerLauncher::gemv(const Matrix& matrix, const void* x, int num_tokens) const {
  GemvArgs args;
  args.matrix = matrix;
  args.num_tokens = num_tokens;
  args.x = x;
  args.split = split_of(matrix, device_.num_processors());
  return args;
}

GemvArgs LayerLauncher::gemv_over_norm(const Matrix& matrix, const float* norm_weight) {
  GemvArgs args = gemv(matrix, memory_.normed.data(), shape_.num_tokens);
  if (normed_bytes(numbers_, shape_.num_tokens, matrix.stride) <= kFusedNormBytes) {
    args.norm = norm(norm_weight, memory_.residual.as<float>());
  } else {
    normalise(norm_weight);
  }
  return args;
}

void LayerLauncher::matmul(const Matrix& matrix, const void* x, int num_tokens, float* out,
                           bool accumulate) {
  MatmulArgs args{matrix, x, num_tokens, out, matrix.rows, accumulate};
  if (numbers_ != Numbers::int8) return device_.launch(args);
  for (int first = 0; first < matrix.rows; first += kWidenedRows) {
    const int count = std::min(kWidenedRows, matrix.rows - first);
    device_.launch(WidenArgs{matrix, first, count, memory_.widened.data()});
    args.matrix.numbers = Numbers::bf16;
    args.matrix.data = memory_.widened.data();
    args.matrix.scales = nullptr;
    args.matrix.rows = count;
    args.out = out + first;
    device_.launch(args);
  }
}

void LayerLauncher::attention_block(const LayerWeights& layer, std::int64_t index) {
  const InputLayout at(shape_);
  const HeadArgs target = heads(index);
  auto* const qkv = memory_.qkv.as<float>();
  const bool is_fused = is_small() && layer.q_norm == nullptr;
  if (is_small()) {
    GemvArgs args = gemv_over_norm(layer.qkv, layer.input_norm);
    args.epilogue = is_fused ? Epilogue::heads : Epilogue::store;
    args.bias = is_fused ? layer.qkv_bias : nullptr;
    args.heads = target;
    args.out = qkv;
    args.out_stride = layer.qkv.rows;
    device_.launch(args);
  } else {
    normalise(layer.input_norm);
    matmul(layer.qkv, memory_.normed.data(), shape_.num_tokens, qkv, false);
  }
  if (!is_fused) {
    device_.launch(RopeArgs{activations_of(numbers_), qkv, shape_.num_tokens, layer.qkv_bias,
                            layer.q_norm, layer.k_norm,
                            spec_.norm == NormKind::rms_unit_offset ? 1.0F : 0.0F,
                            static_cast<float>(spec_.norm_eps), target});
  }
  AttentionArgs attention;
  attention.numbers = activations_of(numbers_);
  attention.heads = target;
  attention.items = reinterpret_cast<const AttentionItem*>(input(at.items));
  attention.num_items = shape_.num_items;
  attention.rows = reinterpret_cast<const RowSpan*>(input(at.rows));
  attention.queries_per_item = shape_.queries_per_item;
  attention.scale = static_cast<float>(spec_.attention_scale);
  attention.softcap = static_cast<float>(spec_.attention_softcap);
  attention.window = static_cast<int>(spec_.layers[static_cast<std::size_t>(index)].window);
  attention.num_splits = shape_.num_splits;
  attention.partial = memory_.partial.as<float>();
  attention.tickets = memory_.tickets.as<std::int32_t>();
  attention.out = memory_.attended.data();
  attention.out_stride = layer.o.stride;
  device_.launch(attention);
  add_to_residual(layer.o, memory_.attended.data(), layer.o_bias,
                  spec_.sandwich_norms ? layer.post_attention_norm : nullptr);
}

void LayerLauncher::mlp_block(const LayerWeights& layer) {
  const float* before = spec_.sandwich_norms ? layer.pre_mlp_norm : layer.post_attention_norm;
  const Act act = spec_.activation == Activation::silu ? Act::silu : Act::gelu_tanh;
  if (is_small()) {
    GemvArgs args = gemv_over_norm(layer.gate_up, before);
    args.epilogue = Epilogue::gate;
    args.bias = layer.gate_up_bias;
    args.gated = memory_.gated.data();
    args.gated_stride = layer.down.stride;
    args.act = act;
    device_.launch(args);
  } else {
    auto* const gate_up = memory_.gate_up.as<float>();
    normalise(before);
    matmul(layer.gate_up, memory_.normed.data(), shape_.num_tokens, gate_up, false);
    device_.launch(GateArgs{activations_of(numbers_), gate_up, layer.gate_up_bias,
                            shape_.num_tokens, layer.gate_up.rows / 2, act, memory_.gated.data(),
                            layer.down.stride});
  }
  add_to_residual(layer.down, memory_.gated.data(), layer.down_bias,
                  spec_.sandwich_norms ? layer.post_mlp_norm : nullptr);
}

void LayerLauncher::add_to_residual(const Matrix& matrix, const void* x, const float* bias,
                                    const float* after) {
  auto* const residual = memory_.residual.as<float>();
  float* const out = after != nullptr ? memory_.delta.as<float>() : residual;
  if (is_small()) {
    GemvArgs args = gemv(matrix, x, shape_.num_tokens);
    args.epilogue = after != nullptr ? Epilogue::store : Epilogue::add;
    args.bias = bias;
    args.out = out;
    args.out_stride = matrix.rows;
    device_.launch(args);
  } else {
    matmul(matrix, x, shape_.num_tokens, out, after == nullptr);
    if (bias != nullptr)
      device_.launch(FinishArgs{out, shape_.num_tokens, matrix.rows, bias, 0.0F});
  }
  if (after != nullptr)
    device_.launch(AddNormedArgs{norm(after, out), shape_.num_tokens, residual});
}

void LayerLauncher::outputs(const OutputPlace& place) {
  const InputLayout at(shape_);
  const Matrix& head = weights_.head;
  float* const logits = place.outputs + shape_.num_outputs();
  RmsNormArgs args;
  args.norm = norm(weights_.final_norm, memory_.residual.as<float>());
  args.numbers = activations_of(numbers_);
  args.sources = input(at.sources);
  args.num_rows = shape_.num_outputs();
  args.num_activations = shape_.num_logits;
  args.out = place.head_input;
  args.out_stride = head.stride;
  args.wide = logits + static_cast<std::int64_t>(shape_.num_logits) * head.rows;
  args.finite = place.outputs;
  device_.launch(args);
  if (shape_.num_logits == 0) return;
  const auto cap = static_cast<float>(spec_.logits_softcap);
  if (shape_.num_logits <= kMaxGemvTokens) {
    GemvArgs product = gemv(head, place.head_input, shape_.num_logits);
    product.out = logits;
    product.out_stride = head.rows;
    product.softcap = cap;
    device_.launch(product);
    return;
  }
  matmul(head, place.head_input, shape_.num_logits, logits, false);
  if (cap > 0.0F) device_.launch(FinishArgs{logits, shape_.num_logits, head.rows, nullptr, cap});
}

}  // namespace hearth::engine::cuda
