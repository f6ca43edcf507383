#include "engine/checkpoint/checkpoint.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "engine/checkpoint/config_reader.h"
#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/torch_archive.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

// In the order in which transformers looks for them (models §8.1).
struct Naming {
  const char* single;
  const char* index;
};
constexpr std::array<Naming, 2> kNamings = {
    {{"model.safetensors", "model.safetensors.index.json"},
     {"pytorch_model.bin", "pytorch_model.bin.index.json"}}};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// An index must not lead out of the folder (models §9.3).
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

// "model.fp16.safetensors": a folder that has its weights in a variant alone.
std::vector<std::string> variants_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(folder, ec)) {
    const std::string name = entry.path().filename().string();
    const bool is_single = name.starts_with("model.") && name.ends_with(".safetensors");
    const bool is_index = name.starts_with("model.safetensors.index.") && name.ends_with(".json");
    if (is_single || is_index) names.push_back(name);
  }
  return names;
}

Error weights_missing(const fs::path& folder, std::size_t num_variants) {
  std::string names;
  for (const Naming& naming : kNamings) {
    names.append(names.empty() ? "" : ", ").append(naming.single).append(", ").append(naming.index);
  }
  const std::string reason = num_variants > 1 ? "several variants of the weights and none of "
                                              : "no weights; expected one of ";
  return {ErrorCode::weights_missing, folder.string() + " has " + reason + names + "."};
}

std::string joined(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text.append(text.empty() ? "" : ", ").append(names[i]);
  }
  return names.size() > kShown ? text + ", …" : text;
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return fail(ErrorCode::folder_not_found, folder.string() + " is not a folder.");
  }
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  auto added = checkpoint.add_weights();
  if (!added) return tl::unexpected(std::move(added.error()));
  return checkpoint;
}

Result<void> Checkpoint::add_weights() {
  for (const Naming& naming : kNamings) {
    if (is_there(folder_ / naming.single)) return add_file(naming.single);
    if (is_there(folder_ / naming.index)) return add_shards(folder_ / naming.index);
  }
  const std::vector<std::string> variants = variants_in(folder_);
  if (variants.size() != 1) return tl::unexpected(weights_missing(folder_, variants.size()));
  const std::string& name = variants.front();
  return name.ends_with(".json") ? add_shards(folder_ / name) : add_file(name);
}

Result<void> Checkpoint::add_file(const std::string& name) {
  const fs::path path = folder_ / name;
  auto file = MappedFile::open(path);
  if (!file) return tl::unexpected(std::move(file.error()));
  auto tensors = name.ends_with(".bin") ? parse_torch_archive(file->bytes(), path.string())
                                        : parse_safetensors(file->bytes(), path.string());
  if (!tensors) return tl::unexpected(std::move(tensors.error()));
  for (NamedTensor& tensor : *tensors) {
    if (!by_name_.emplace(tensor.name, tensors_.size()).second) {
      return fail(ErrorCode::weights_invalid,
                  path.string() + ": tensor \"" + tensor.name + "\" is in another shard too.");
    }
    tensors_.push_back(std::move(tensor));
  }
  files_.push_back(std::move(*file));
  file_names_.push_back(name);
  return {};
}

Result<void> Checkpoint::add_shards(const fs::path& index) {
  auto json = ConfigReader::load(index);
  if (!json) return tl::unexpected(std::move(json.error()));
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorCode::weights_invalid, index.string() + ": " + what + ".");
  };
  const auto map = json->object("weight_map");
  if (!map || map->raw().empty()) return invalid("weight_map must be an object with entries");
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map->raw().items()) {
    if (!shard.is_string() || !is_plain_file_name(shard.get<std::string>())) {
      return invalid("the shard of \"" + tensor + "\" is not a plain file name");
    }
    shards.insert(shard.get<std::string>());
  }
  std::vector<std::string> missing;
  for (const std::string& shard : shards) {
    if (!is_there(folder_ / shard)) missing.push_back(shard);
  }
  if (!missing.empty()) {
    return fail(ErrorCode::file_missing,
                (folder_ / missing.front()).string() + " is missing; " + index.filename().string() +
                    " lists it. " + std::to_string(missing.size()) + " of " +
                    std::to_string(shards.size()) + " files of weights are not there (" +
                    joined(missing) + "): the folder has been copied in part.");
  }
  for (const std::string& shard : shards) {
    const std::size_t first = tensors_.size();
    if (auto added = add_file(shard); !added) return added;
    for (std::size_t i = first; i < tensors_.size(); ++i) {
      const auto listed = map->raw().find(tensors_[i].name);
      if (listed != map->raw().end() && *listed != shard) {
        return invalid("tensor \"" + tensors_[i].name + "\" is listed in " +
                       listed->get<std::string>() + " but stored in " + shard);
      }
    }
  }
  for (const auto& [tensor, shard] : map->raw().items()) {
    if (find(tensor) == nullptr) {
      return invalid("tensor \"" + tensor + "\" is not in " + shard.get<std::string>());
    }
  }
  return {};
}

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto it = by_name_.find(std::string(name));
  return it == by_name_.end() ? nullptr : &tensors_[it->second].view;
}

void Checkpoint::prefetch(const TensorView& view) const { prefetch_pages(view.bytes); }

void Checkpoint::release(const TensorView& view) const { release_pages(view.bytes); }

std::uint64_t Checkpoint::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const NamedTensor& tensor : tensors_) bytes += tensor.view.bytes.size();
  return bytes;
}

}  // namespace hearth::engine
