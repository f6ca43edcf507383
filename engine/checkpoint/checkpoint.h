// The weight files of a model folder, mapped: names → tensor views. Two consumers: TorchDecoder
// copies from the views, CpuDecoder packs from them; neither changes them.
//
// A file that another program truncates while it is mapped ends this process with SIGBUS on the
// next read of a lost page (models §9.3). Sizes are checked once, at open; a folder must not be
// rewritten in place while it is being loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/checkpoint/mapped_file.h"
#include "engine/checkpoint/model_spec.h"
#include "engine/checkpoint/tensor_view.h"

namespace hearth::engine {

// Immutable after open, movable; any thread may read.
class Checkpoint {
 public:
  // Chooses the files as transformers does (models §8.1), maps them, and checks every header.
  // Errors: folder_not_found, weights_missing, file_missing (a shard), weights_are_lfs_pointer,
  // weights_invalid.
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  const std::filesystem::path& folder() const { return folder_; }
  const std::vector<std::string>& files() const { return file_names_; }

  // In the order of the files and, within one, of the bytes.
  const std::vector<NamedTensor>& tensors() const { return tensors_; }

  // nullptr when there is none.
  const TensorView* find(std::string_view name) const;

  // Lets the kernel read a tensor ahead while others are worked on.
  void prefetch(const TensorView& view) const;

  // Lets the kernel drop the pages of a tensor that has been read; reading it again is only slower.
  void release(const TensorView& view) const;

  // Bytes of all tensors; of those that share bytes, each one's own.
  std::uint64_t weight_bytes() const;

 private:
  Checkpoint() = default;

  Result<void> add_weights();
  Result<void> add_file(const std::string& name);
  Result<void> add_shards(const std::filesystem::path& index);

  std::filesystem::path folder_;
  std::vector<std::string> file_names_;
  std::vector<MappedFile> files_;
  std::vector<NamedTensor> tensors_;
  std::unordered_map<std::string, std::size_t> by_name_;  // → index in tensors_
};

}  // namespace hearth::engine
