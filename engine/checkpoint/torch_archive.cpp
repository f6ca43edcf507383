#include "engine/checkpoint/torch_archive.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/checkpoint/pickle.h"
#include "engine/checkpoint/zip_archive.h"

namespace hearth::engine {
namespace {

constexpr std::string_view kLfsPrefix = "version https://git-lfs";
constexpr std::string_view kPickle = "/data.pkl";

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The file's records by name, and the folder they lie in.
class Archive {
 public:
  explicit Archive(const std::vector<ZipRecord>& records) {
    for (const ZipRecord& record : records) by_name_.emplace(record.name, record.bytes);
  }

  // The one "ROOT/data.pkl" there is; nullptr for none or several.
  const std::span<const std::byte>* find_pickle() {
    const std::span<const std::byte>* pickle = nullptr;
    for (const auto& [name, bytes] : by_name_) {
      const bool is_root =
          name.ends_with(kPickle) && name.find('/') == name.size() - kPickle.size();
      if (!is_root) continue;
      if (pickle != nullptr) return nullptr;
      pickle = &bytes;
      root_ = name.substr(0, name.size() - kPickle.size());
    }
    return pickle;
  }

  // Of the root; nullptr when there is none.
  const std::span<const std::byte>* find(const std::string& name) const {
    const auto found = by_name_.find(root_ + "/" + name);
    return found == by_name_.end() ? nullptr : &found->second;
  }

 private:
  std::unordered_map<std::string, std::span<const std::byte>> by_name_;
  std::string root_;
};

TensorView view_of(const PickledTensor& tensor, std::span<const std::byte> storage) {
  const auto element = static_cast<std::uint64_t>(bits_of(tensor.dtype) / 8);
  std::uint64_t count = 1;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    if (tensor.shape[d] == 0) {
      count = 0;
      break;
    }
    count += static_cast<std::uint64_t>((tensor.shape[d] - 1) * tensor.strides[d]);
  }
  TensorView view;
  view.dtype = tensor.dtype;
  view.shape = tensor.shape;
  view.strides = tensor.strides;
  // The stride of a dimension of one element means nothing; contiguous tensors should look so.
  const std::vector<std::int64_t> contiguous = contiguous_strides(view.shape);
  for (std::size_t d = 0; d < view.shape.size(); ++d) {
    if (view.shape[d] <= 1) view.strides[d] = contiguous[d];
  }
  view.bytes = storage.subspan(tensor.offset * element, count * element);
  return view;
}

}  // namespace

Result<std::vector<NamedTensor>> parse_torch_archive(std::span<const std::byte> file,
                                                     const std::string& where) {
  const auto invalid = [&](const std::string& what) {
    return fail(ErrorCode::weights_invalid, where + ": " + what + ".");
  };
  if (text_of(file).starts_with(kLfsPrefix)) {
    return fail(ErrorCode::weights_are_lfs_pointer,
                where +
                    " is a git-lfs pointer and not the weights themselves; "
                    "run `git lfs pull` in the model's folder.");
  }
  if (!is_zip(file)) {
    const bool is_old = text_of(file).starts_with("\x80\x02");
    return invalid(is_old ? "the file was written by torch before 1.6; save it again with a newer "
                            "torch, or as safetensors"
                          : "the file is no zip archive as torch.save writes it");
  }
  const auto records = read_zip_directory(file, where);
  if (!records) return tl::unexpected(records.error());
  Archive archive(*records);
  const auto* const pickle = archive.find_pickle();
  if (pickle == nullptr) return invalid("the archive has no data.pkl, or several");
  if (const auto* order = archive.find("byteorder");
      order != nullptr && text_of(*order) != "little") {
    return invalid("the tensors are not little-endian");
  }
  auto pickled = read_state_dict(*pickle, where);
  if (!pickled) return tl::unexpected(std::move(pickled.error()));

  std::vector<NamedTensor> tensors;
  for (PickledTensor& tensor : *pickled) {
    const auto* const storage = archive.find("data/" + tensor.storage);
    if (storage == nullptr) return invalid("the storage of \"" + tensor.name + "\" is missing");
    const auto element = static_cast<std::uint64_t>(bits_of(tensor.dtype) / 8);
    if (tensor.storage_elements > storage->size() / element) {
      return invalid("the storage of \"" + tensor.name + "\" has " +
                     std::to_string(storage->size()) + " bytes where " +
                     std::to_string(tensor.storage_elements) + " elements were announced");
    }
    tensors.push_back({tensor.name, view_of(tensor, *storage)});
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    return a.view.bytes.data() < b.view.bytes.data();
  });
  return tensors;
}

}  // namespace hearth::engine
