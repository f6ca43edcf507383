// All parameters of the shared pre-norm decoder in CpuDecoder's form: matrices packed, vectors in
// fp32.
#pragma once

#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/runner_options.h"
#include "engine/cpu/arena.h"
#include "engine/cpu/packed_matrix.h"

namespace hearth::engine::cpu {

class WorkerPool;

// Vectors that the model does not have are empty.
struct LayerWeights {
  std::vector<float> input_norm;           // [C]
  std::vector<float> post_attention_norm;  // [C]
  std::vector<float> pre_mlp_norm;         // [C]  sandwich norms only
  std::vector<float> post_mlp_norm;        // [C]  sandwich norms only
  std::vector<float> q_norm;               // [D]
  std::vector<float> k_norm;               // [D]
  PackedMatrix qkv;                        // rows: q heads, k heads, v heads
  PackedMatrix o;
  PackedMatrix gate_up;  // by turns a panel of gate rows and one of up rows
  PackedMatrix down;
  std::vector<float> qkv_bias;
  std::vector<float> o_bias;
  std::vector<float> gate_bias;
  std::vector<float> up_bias;
  std::vector<float> down_bias;
};

// Immutable after load: any thread may read.
struct CpuWeights {
  Arena arena;             // the bytes of every PackedMatrix
  PackedMatrix embedding;  // [V, C]
  PackedMatrix own_head;   // [V, C], unless the head is the embedding
  bool head_is_embedding = false;
  std::vector<float> final_norm;
  std::vector<LayerWeights> layers;

  const PackedMatrix& head() const { return head_is_embedding ? embedding : own_head; }
};

// Packs one tensor after the other straight from the mapped file and releases its pages, so that
// memory peaks at the packed size plus one tensor. int4 keeps embedding and head in int8. Errors:
// tensor_missing, tensor_shape_mismatch, dtype_unsupported, out_of_memory, architecture_unsupported
// (not the shared decoder).
Result<CpuWeights> load_cpu_weights(const Checkpoint& checkpoint, const ModelSpec& spec,
                                    WeightFormat format, const KernelTable& kernels,
                                    WorkerPool& pool, const ProgressSink& progress);

}  // namespace hearth::engine::cpu
