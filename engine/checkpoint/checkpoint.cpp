#include "engine/checkpoint/checkpoint.h"

#include <set>
#include <utility>

#include "engine/checkpoint/config_reader.h"
#include "engine/checkpoint/safetensors.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingleFile = "model.safetensors";
constexpr const char* kIndexFile = "model.safetensors.index.json";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

// An index must not lead out of the folder (models §9.3).
bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

Error weights_missing(const fs::path& folder) {
  for (const char* other : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (is_there(folder / other)) {
      return {ErrorCode::weights_missing,
              folder.string() + " has " + other +
                  " but no safetensors files; pickle weights are not supported yet."};
    }
  }
  return {ErrorCode::weights_missing,
          folder.string() + " has neither " + kSingleFile + " nor " + kIndexFile + "."};
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::is_directory(folder, ignored)) {
    return fail(ErrorCode::folder_not_found, folder.string() + " is not a folder.");
  }
  Checkpoint checkpoint;
  checkpoint.folder_ = folder;
  Result<void> added;
  if (is_there(folder / kSingleFile)) {
    added = checkpoint.add_file(kSingleFile);
  } else if (is_there(folder / kIndexFile)) {
    added = checkpoint.add_shards(folder / kIndexFile);
  } else {
    return tl::unexpected(weights_missing(folder));
  }
  if (!added) return tl::unexpected(std::move(added.error()));
  return checkpoint;
}

Result<void> Checkpoint::add_file(const std::string& name) {
  const fs::path path = folder_ / name;
  auto file = MappedFile::open(path);
  if (!file) return tl::unexpected(std::move(file.error()));
  auto tensors = parse_safetensors(file->bytes(), path.string());
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
  for (const std::string& shard : shards) {
    if (!is_there(folder_ / shard)) {
      return fail(ErrorCode::file_missing,
                  (folder_ / shard).string() + " is missing; " + kIndexFile + " lists it.");
    }
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

void Checkpoint::release(const TensorView& view) const { release_pages(view.bytes); }

std::uint64_t Checkpoint::weight_bytes() const {
  std::uint64_t bytes = 0;
  for (const NamedTensor& tensor : tensors_) bytes += tensor.view.bytes.size();
  return bytes;
}

}  // namespace hearth::engine
