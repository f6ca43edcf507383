// Runs a fuzz target without libFuzzer: on the committed seeds, and on a fixed number of damaged
// copies of each, the same in every run. `./dev test` builds it with the ordinary compiler; crashes
// are looked for by `./dev fuzz`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t below(std::mt19937& random, std::size_t end) { return random() % (end + 1); }

// One to four small changes: a byte, a run gone or doubled, an end cut off, a part of another seed.
Bytes damaged(Bytes bytes, const Bytes& other, std::mt19937& random) {
  for (auto changes = 1 + random() % 4; changes > 0; --changes) {
    const auto at = static_cast<std::ptrdiff_t>(below(random, bytes.size()));
    const auto left = static_cast<std::size_t>(bytes.end() - bytes.begin() - at);
    const auto count = static_cast<std::ptrdiff_t>(std::min<std::size_t>(random() % 16, left));
    switch (random() % 6) {
      case 0:
        if (left > 0)
          bytes[static_cast<std::size_t>(at)] ^= static_cast<std::uint8_t>(1U << random() % 8);
        break;
      case 1:
        if (left > 0) bytes[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(random());
        break;
      case 2:
        bytes.erase(bytes.begin() + at, bytes.begin() + at + count);
        break;
      case 3: {
        const Bytes run(bytes.begin() + at, bytes.begin() + at + count);
        bytes.insert(bytes.begin() + at, run.begin(), run.end());
        break;
      }
      case 4:
        if (random() % 4 == 0) bytes.resize(static_cast<std::size_t>(at));
        break;
      default: {
        const auto from = static_cast<std::ptrdiff_t>(below(random, other.size()));
        const auto part = std::min<std::ptrdiff_t>(count, other.end() - other.begin() - from);
        bytes.insert(bytes.begin() + at, other.begin() + from, other.begin() + from + part);
      }
    }
  }
  return bytes;
}

}  // namespace

// replay SEEDS ROUNDS
int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> seeds;
  for (const auto& path : paths) seeds.push_back(read(path));
  if (seeds.empty()) {
    std::fprintf(stderr, "%s has no seeds\n", argv[1]);
    return 1;
  }
  for (const Bytes& seed : seeds) LLVMFuzzerTestOneInput(seed.data(), seed.size());
  std::mt19937 random(1);
  const long rounds = std::strtol(argv[2], nullptr, 10);
  for (long i = 0; i < rounds; ++i) {
    const Bytes input =
        damaged(seeds[random() % seeds.size()], seeds[random() % seeds.size()], random);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu seeds and %ld damaged copies\n", seeds.size(), rounds);
  return 0;
}
