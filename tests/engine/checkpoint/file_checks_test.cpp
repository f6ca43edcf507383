// What a folder says of its own files.
#include "engine/checkpoint/file_checks.h"

#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/engine/checkpoint/temp_folder.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

const std::string kAbc256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string digest_of(const std::string& text, DigestKind kind, std::size_t portion) {
  Digest digest(kind, text.size());
  for (std::size_t at = 0; at < text.size(); at += portion) {
    const std::string part = text.substr(at, portion);
    digest.add(std::as_bytes(std::span(part.data(), part.size())));
  }
  return digest.hex();
}

// FIPS 180-4's examples, and names that git gives.
TEST(Digest, EqualsThePublishedExamples) {
  EXPECT_EQ(digest_of("abc", DigestKind::sha256, 64), kAbc256);
  EXPECT_EQ(digest_of("", DigestKind::sha256, 64),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest_of(std::string(1'000'000, 'a'), DigestKind::sha256, 999),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_EQ(digest_of("", DigestKind::git_blob, 64), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
  EXPECT_EQ(digest_of("test content\n", DigestKind::git_blob, 64),
            "d670460b4b4aece5915caf5c68d12f560a9fe3e4");
}

TEST(Digest, DoesNotDependOnThePortions) {
  for (std::size_t size = 0; size < 200; ++size) {
    const std::string text(size, 'x');
    for (const DigestKind kind : {DigestKind::sha256, DigestKind::git_blob}) {
      const std::string whole = digest_of(text, kind, 1000);
      for (const std::size_t portion : {1, 7, 64, 65}) {
        ASSERT_EQ(digest_of(text, kind, portion), whole) << size << ' ' << portion;
      }
    }
  }
}

std::vector<std::string> files_of(const std::vector<ExpectedDigest>& digests) {
  std::vector<std::string> names;
  for (const ExpectedDigest& digest : digests) names.push_back(digest.file);
  return names;
}

TEST(FileChecks, ListsOfSumsAreRead) {
  const TempFolder folder;
  folder.write("SHA256SUMS", kAbc256 + "  a.bin\n" + kAbc256 + " *b.bin\r\n# words\nnot hex  c\n" +
                                 kAbc256 + "  ../out\n" + kAbc256 + "  /etc/passwd\n");
  folder.write("c.bin.sha256", kAbc256 + "\n");
  const auto digests = expected_digests(folder.path());
  EXPECT_EQ(files_of(digests), (std::vector<std::string>{"a.bin", "b.bin", "c.bin"}));
  EXPECT_EQ(digests[0].source, "SHA256SUMS");
}

TEST(FileChecks, NotesOfADownloadAreRead) {
  const TempFolder folder;
  const fs::path notes = ".cache/huggingface/download";
  fs::create_directories(folder.path() / notes / "sub");
  const std::string commit = std::string(40, 'c') + "\n";
  folder.write((notes / "w.safetensors.metadata").string(), commit + kAbc256 + "\n1.5\n");
  folder.write((notes / "sub/config.json.metadata").string(),
               commit + "d670460b4b4aece5915caf5c68d12f560a9fe3e4\n1.5\n");
  folder.write((notes / "short.metadata").string(), commit);
  folder.write((notes / "strange.metadata").string(), commit + "W/\"etag\"\n1.5\n");
  const auto digests = expected_digests(folder.path());
  ASSERT_EQ(files_of(digests), (std::vector<std::string>{"sub/config.json", "w.safetensors"}));
  EXPECT_EQ(digests[0].kind, DigestKind::git_blob);
  EXPECT_EQ(digests[1].kind, DigestKind::sha256);
}

TEST(FileChecks, LinksIntoACacheAreNamedByTheirBlob) {
  const TempFolder folder;
  fs::create_directories(folder.path() / "blobs");
  fs::create_directories(folder.path() / "snapshot");
  folder.write("blobs/" + kAbc256, "abc");
  fs::create_symlink("../blobs/" + kAbc256, folder.path() / "snapshot/w.bin");
  fs::create_symlink("../blobs/plain", folder.path() / "snapshot/other.bin");
  const auto digests = expected_digests(folder.path() / "snapshot");
  ASSERT_EQ(files_of(digests), (std::vector<std::string>{"w.bin"}));
  EXPECT_EQ(check_file(folder.path() / "snapshot", digests[0]).state, FileCheck::State::same);
}

TEST(FileChecks, AFileIsTheSameOrDiffersOrIsMissing) {
  const TempFolder folder;
  folder.write("a", "abc");
  folder.write("b", "abd");
  const auto state = [&](const char* file) {
    return check_file(folder.path(), {file, kAbc256, DigestKind::sha256, "SHA256SUMS"}).state;
  };
  EXPECT_EQ(state("a"), FileCheck::State::same);
  EXPECT_EQ(state("b"), FileCheck::State::differs);
  EXPECT_EQ(state("c"), FileCheck::State::missing);
}

TEST(FileChecks, UnfinishedDownloadsAreFound) {
  const TempFolder folder;
  const fs::path notes = ".cache/huggingface/download";
  fs::create_directories(folder.path() / notes);
  folder.write((notes / "x.incomplete").string(), "");
  folder.write("w.bin.part", "");
  folder.write("w.bin", "");
  EXPECT_EQ(unfinished_downloads(folder.path()),
            (std::vector<std::string>{".cache/huggingface/download/x.incomplete", "w.bin.part"}));
}

}  // namespace
}  // namespace hearth::engine
