// pytorch_model.bin files: good ones, and every rule of the reader broken once (models §8.4).
#include "engine/checkpoint/torch_archive.h"

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/checkpoint/pickle.h"
#include "tests/engine/checkpoint/torch_files.h"

namespace hearth::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::little_endian;
using testing::one_tensor_pickle;
using testing::PickleWriter;
using testing::torch_archive;
using testing::ZipEntry;
using testing::ZipWriter;
using Tensor = PickleWriter::Tensor;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string archive_error(const std::string& file) {
  const auto tensors = parse_torch_archive(bytes_of(file), "w.bin");
  if (tensors) return "no error";
  EXPECT_EQ(tensors.error().code, ErrorCode::weights_invalid);
  EXPECT_THAT(tensors.error().detail, HasSubstr("w.bin"));
  return tensors.error().detail;
}

std::string pickle_error(const std::string& pickle) {
  const auto tensors = read_state_dict(bytes_of(pickle), "w.bin");
  return tensors ? "no error" : tensors.error().detail;
}

std::string tensor_error(const Tensor& tensor) { return pickle_error(one_tensor_pickle(tensor)); }

float first_float(const TensorView& view) {
  float value = 0.0F;
  std::memcpy(&value, view.bytes.data(), sizeof value);
  return value;
}

TEST(TorchArchive, TensorsAreViewsWithTheFilesStrides) {
  PickleWriter pickle;
  pickle.raw("}(").text("whole").tensor({});
  pickle.text("turned").tensor({.sizes = {3, 2}, .strides = {1, 3}});
  pickle.text("row").tensor({.offset = 3, .sizes = {3}, .strides = {1}});
  pickle.text("scalar").tensor({.offset = 5, .sizes = {}, .strides = {}});
  pickle.text("none").tensor({.offset = 6, .sizes = {0, 4}, .strides = {4, 1}});
  const std::string file = torch_archive(pickle.raw("u.").bytes()).bytes();
  const auto tensors = parse_torch_archive(bytes_of(file), "w.bin");
  ASSERT_TRUE(tensors) << tensors.error().detail;
  ASSERT_EQ(tensors->size(), 5U);
  const auto find = [&](const std::string& name) {
    for (const NamedTensor& tensor : *tensors) {
      if (tensor.name == name) return tensor.view;
    }
    return TensorView{};
  };
  EXPECT_TRUE(find("whole").is_contiguous());
  EXPECT_EQ(find("whole").bytes.size(), 24U);
  EXPECT_THAT(find("turned").strides, ElementsAre(1, 3));
  EXPECT_EQ(find("turned").bytes.size(), 24U);
  EXPECT_FLOAT_EQ(first_float(find("row")), 3.0F);
  EXPECT_FLOAT_EQ(first_float(find("scalar")), 5.0F);
  EXPECT_TRUE(find("none").bytes.empty());
}

TEST(TorchArchive, OrderedDictsWithAStateAndParametersAreDictsAndTensors) {
  PickleWriter pickle;
  pickle.ordered_dict().raw("q\x01(").text("w");
  pickle.global("torch._utils", "_rebuild_parameter").raw("(").tensor({}).raw("\x88");
  pickle.ordered_dict().raw("tR").raw("u");
  pickle.raw("}").text("_metadata").ordered_dict().raw("sb.");
  const auto tensors = read_state_dict(bytes_of(pickle.bytes()), "w.bin");
  ASSERT_TRUE(tensors) << tensors.error().detail;
  ASSERT_EQ(tensors->size(), 1U);
  EXPECT_EQ(tensors->front().name, "w");
}

TEST(TorchArchive, OtherProtocolsSayTheSame) {
  PickleWriter pickle;  // MEMOIZE, SHORT_BINUNICODE, STACK_GLOBAL, FRAME
  pickle.raw("\x95").raw(little_endian(1000, 8)).raw("}\x94(\x8C\x01w");
  pickle.raw("\x8C\x0Ctorch._utils\x8C\x12_rebuild_tensor_v2\x93(");
  pickle.storage("HalfStorage", "0", 6).integer(0).integers({6}).integers({1});
  pickle.raw("\x89").ordered_dict().raw("tRu.");
  const auto tensors = read_state_dict(bytes_of(pickle.bytes()), "w.bin");
  ASSERT_TRUE(tensors) << tensors.error().detail;
  EXPECT_EQ(tensors->front().dtype, Dtype::f16);
}

TEST(TorchArchive, NoOtherGlobalIsKnown) {
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"builtins", "eval"},
                                                        {"torch", "load"},
                                                        {"torch._utils", "_rebuild_sparse_tensor"},
                                                        {"collections", "Counter"},
                                                        {"torch", "ComplexFloatStorage"}}) {
    const std::string error =
        pickle_error(PickleWriter().global(module, name).raw("(").text("x").raw("tR.").bytes());
    EXPECT_THAT(error, HasSubstr(std::string(module).append(".").append(name)));
    EXPECT_THAT(error, HasSubstr("refused"));
    const std::string stacked =
        pickle_error(PickleWriter().text(module).text(name).raw("\x93.").bytes());
    EXPECT_THAT(stacked, HasSubstr("refused"));
  }
}

TEST(TorchArchive, NoOtherOpcodeIsKnown) {
  // POP, DUP, PERSID, INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, LONG, INT, STRING, BINBYTES, EMPTY_SET.
  for (const char* opcode : {"0", "2", "Pid\n", "ios\nsystem\n", "o", "\x81", "\x92", "\x82\x01",
                             "L1\n", "I1\n", "S'x'\n", "B", "\x8F"}) {
    EXPECT_THAT(pickle_error(PickleWriter().raw("}").raw(opcode).raw(".").bytes()),
                HasSubstr("opcode"))
        << opcode;
  }
}

TEST(TorchArchive, CallsAndStatesHaveTheirOneForm) {
  EXPECT_THAT(pickle_error(PickleWriter().global("torch", "FloatStorage").raw(")R.").bytes()),
              HasSubstr("calls a storage"));
  EXPECT_THAT(pickle_error(PickleWriter().text("x").raw(")R.").bytes()),
              HasSubstr("no known constructor"));
  EXPECT_THAT(
      pickle_error(PickleWriter().global("collections", "OrderedDict").raw("(K\x01tR.").bytes()),
      HasSubstr("with arguments"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}}b.").bytes()), HasSubstr("no OrderedDict"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("]}b.").bytes()), HasSubstr("no OrderedDict"));
  const std::string tensor = "_rebuild_tensor_v2";
  EXPECT_THAT(pickle_error(PickleWriter().global("torch._utils", tensor).raw(")R.").bytes()),
              HasSubstr("no storage"));
  EXPECT_THAT(
      pickle_error(
          PickleWriter().global("torch._utils", "_rebuild_parameter").raw("(NNNtR.").bytes()),
      HasSubstr("no tensor"));
  EXPECT_THAT(pickle_error(PickleWriter().text("0").raw("Q.").bytes()), HasSubstr("no storage"));
  EXPECT_THAT(pickle_error(PickleWriter().storage("FloatStorage", "0", -1).raw(".").bytes()),
              HasSubstr("no storage"));
}

TEST(TorchArchive, TheStackIsNeverLeft) {
  for (const char* opcodes : {"R", "b", "Q", "s", "u", "a", "e", "t", "\x85", "\x87", "q\x01",
                              "\x94", "(R", "K\x01(\x85"}) {
    EXPECT_THAT(
        pickle_error(PickleWriter().raw(opcodes).raw(".").bytes()),
        ::testing::AnyOf(HasSubstr("not there"), HasSubstr("no list"), HasSubstr("no dict")))
        << opcodes;
  }
  EXPECT_THAT(pickle_error(PickleWriter().raw("h\x07.").bytes()), HasSubstr("never had"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("K\x01K\x02K\x03s.").bytes()), HasSubstr("no dict"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}(K\x01u.").bytes()), HasSubstr("no dict"));
  EXPECT_THAT(pickle_error(PickleWriter()
                               .raw("}K\x01"
                                    "a.")
                               .bytes()),
              HasSubstr("no list"));
}

TEST(TorchArchive, APickleIsOneDictOfTensors) {
  EXPECT_THAT(pickle_error(PickleWriter().raw("].").bytes()), HasSubstr("no dict"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}}.").bytes()), HasSubstr("one value"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}(.").bytes()), HasSubstr("one value"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}.N").bytes()), HasSubstr("after its end"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}").text("w").raw("K\x01s.").bytes()),
              HasSubstr("\"w\" is no tensor"));
  EXPECT_THAT(pickle_error(PickleWriter().raw("}K\x01").tensor({}).raw("s.").bytes()),
              HasSubstr("no name"));
  EXPECT_THAT(
      pickle_error(
          PickleWriter().raw("}(").text("w").tensor({}).text("w").tensor({}).raw("u.").bytes()),
      HasSubstr("twice"));
  EXPECT_THAT(pickle_error("\x80\x05}."), HasSubstr("protocol"));
  EXPECT_THAT(pickle_error(PickleWriter()
                               .raw("\x8A\x09"
                                    "123456789.")
                               .bytes()),
              HasSubstr("64 bits"));
  EXPECT_EQ(pickle_error(PickleWriter().raw("}.").bytes()), "no error");
}

TEST(TorchArchive, WhatAPickleRemembersIsBounded) {
  EXPECT_THAT(
      pickle_error(PickleWriter().raw("}r").raw(little_endian(2'000'000, 4)).raw(".").bytes()),
      HasSubstr("too much"));
  EXPECT_EQ(
      pickle_error(PickleWriter().raw("}r").raw(little_endian(1'999'999, 4)).raw(".").bytes()),
      "no error");
  EXPECT_THAT(pickle_error(PickleWriter().raw("}" + std::string(2'000'001, '\x94')).bytes()),
              HasSubstr("too much"));
  EXPECT_THAT(pickle_error(PickleWriter().raw(std::string(2'000'001, '(')).bytes()),
              HasSubstr("too many marks"));
  EXPECT_THAT(pickle_error(PickleWriter().raw(std::string(2'000'001, 'N')).bytes()),
              HasSubstr("too many values"));
}

TEST(TorchArchive, CyclesAreNoTrouble) {
  // A list that holds itself, many times over, then an ordinary dict.
  std::string pickle = "\x80\x02]q";
  pickle += std::string(1, '\0');
  for (int i = 0; i < 1000; ++i) pickle += std::string("h\0a", 3);
  EXPECT_THAT(pickle_error(pickle + "."), HasSubstr("no dict"));
}

TEST(TorchArchive, ShapesAndStridesStayInsideTheirStorage) {
  EXPECT_EQ(tensor_error({}), "no error");
  EXPECT_THAT(tensor_error({.elements = 5}), HasSubstr("past its storage"));
  EXPECT_THAT(tensor_error({.offset = 1}), HasSubstr("past its storage"));
  EXPECT_THAT(tensor_error({.strides = {4, 1}}), HasSubstr("past its storage"));
  EXPECT_THAT(tensor_error({.offset = 7, .sizes = {0}, .strides = {1}}),
              HasSubstr("past its storage"));
  EXPECT_THAT(tensor_error({.offset = -1}), HasSubstr("non-negative"));
  EXPECT_THAT(tensor_error({.sizes = {-2, 3}}), HasSubstr("non-negative"));
  EXPECT_THAT(tensor_error({.strides = {-3, 1}}), HasSubstr("non-negative"));
  EXPECT_THAT(tensor_error({.strides = {1}}), HasSubstr("non-negative"));
  EXPECT_THAT(tensor_error({.sizes = std::vector<std::int64_t>(9, 1),
                            .strides = std::vector<std::int64_t>(9, 1)}),
              HasSubstr("at most 8"));
  // As many elements as numbers: a stride of 0 repeats one.
  EXPECT_THAT(tensor_error({.sizes = {1LL << 40, 1LL << 40}, .strides = {0, 0}}),
              HasSubstr("too large"));
  EXPECT_THAT(tensor_error({.sizes = {2, 2}, .strides = {INT64_MAX, INT64_MAX}}),
              HasSubstr("past its storage"));
  EXPECT_THAT(tensor_error({.sizes = {4, 4}, .strides = {INT64_MAX, INT64_MAX}}),
              HasSubstr("too large"));
}

TEST(TorchArchive, StoragesAreTheRecordsTheyClaimToBe) {
  EXPECT_THAT(archive_error(torch_archive(one_tensor_pickle({.key = "1"})).bytes()),
              HasSubstr("is missing"));
  EXPECT_THAT(archive_error(torch_archive(one_tensor_pickle({.key = "../version"})).bytes()),
              HasSubstr("is missing"));
  EXPECT_THAT(archive_error(torch_archive(one_tensor_pickle({.elements = 7})).bytes()),
              HasSubstr("24 bytes where 7 elements"));
  EXPECT_THAT(archive_error(torch_archive(one_tensor_pickle({.type = "DoubleStorage"})).bytes()),
              HasSubstr("24 bytes where 6 elements"));
  EXPECT_THAT(archive_error(torch_archive(one_tensor_pickle({.elements = INT64_MAX})).bytes()),
              HasSubstr("elements were announced"));
}

TEST(TorchArchive, ZipTricksAreRefused) {
  const auto with = [](auto spoil) {
    ZipWriter zip = torch_archive(one_tensor_pickle({}));
    spoil(zip);
    return archive_error(zip.bytes());
  };
  const auto adding = [&](const ZipEntry& entry) {
    return with([&](ZipWriter& zip) { zip.add(entry); });
  };
  EXPECT_EQ(with([](ZipWriter&) {}), "no error");
  EXPECT_EQ(with([](ZipWriter& zip) { zip.comment = "a comment"; }), "no error");
  EXPECT_EQ(with([](ZipWriter& zip) { zip.uses_64 = true; }), "no error");
  EXPECT_EQ(adding({.name = "archive/x", .data = "y", .uses_64 = true}), "no error");
  EXPECT_THAT(adding({.name = "archive/x", .data = "y", .method = 8}), HasSubstr("compressed"));
  EXPECT_THAT(adding({.name = "archive/x", .data = "y", .flags = 1}), HasSubstr("encrypted"));
  EXPECT_THAT(adding({.name = "archive/data/0", .data = "y"}), HasSubstr("twice"));
  EXPECT_THAT(adding({.name = "archive/x", .data = "y", .local_name = "archive/z"}),
              HasSubstr("another name"));
  EXPECT_THAT(adding({.name = "archive/x", .data = "y", .size_lie = 1}), HasSubstr("past the end"));
  EXPECT_THAT(adding({.name = "other/data.pkl", .data = "y"}), HasSubstr("several"));
  EXPECT_THAT(with([](ZipWriter& zip) { zip.disk = 1; }), HasSubstr("several parts"));
  EXPECT_THAT(with([](ZipWriter& zip) { zip.count_lie = 1; }), HasSubstr("damaged"));
  EXPECT_THAT(with([](ZipWriter& zip) { zip.count_lie = -1; }), HasSubstr("longer"));
  EXPECT_THAT(with([](ZipWriter& zip) { zip.begin_lie = -1; }), HasSubstr("damaged"));
  EXPECT_THAT(with([](ZipWriter& zip) { zip.begin_lie = 1000; }), HasSubstr("outside"));
  ZipWriter overlapping = torch_archive(one_tensor_pickle({}));
  overlapping.add({.name = "archive/x", .data = std::string(60, 'y')});
  EXPECT_EQ(archive_error(overlapping.bytes()), "no error");
}

TEST(TorchArchive, RecordsDoNotOverlap) {
  // The second record's header lies inside the first one's data.
  ZipWriter inner;
  inner.add({.name = "a/b", .data = "12345678"});
  const std::string hidden = inner.bytes().substr(0, 30 + 3 + 4 + 8);
  ZipWriter outer;
  outer.add({.name = "a/data.pkl", .data = hidden});
  outer.add({.name = "a/b", .data = "12345678"});
  std::string file = outer.bytes();
  // Let the directory's second entry point to the hidden header.
  const std::size_t entry = file.rfind("PK\x01\x02");
  const std::string place = little_endian(30 + 10 + 4, 4);
  file.replace(entry + 42, 4, place);
  EXPECT_THAT(archive_error(file), HasSubstr("overlap"));
}

TEST(TorchArchive, OtherFilesAreNamed) {
  EXPECT_THAT(archive_error("\x80\x02\x8A\x0Al\xFC\x9C\x46\xF9 j\xA8P\x19.\x80\x02M"),
              HasSubstr("before 1.6"));
  EXPECT_THAT(archive_error("hello"), HasSubstr("no zip archive"));
  EXPECT_THAT(archive_error(""), HasSubstr("no zip archive"));
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\n";
  EXPECT_EQ(parse_torch_archive(bytes_of(pointer), "w.bin").error().code,
            ErrorCode::weights_are_lfs_pointer);
  ZipWriter big;
  big.add({"archive/data.pkl", one_tensor_pickle({})});
  big.add({"archive/byteorder", "big"});
  EXPECT_THAT(archive_error(big.bytes()), HasSubstr("little-endian"));
  ZipWriter empty;
  EXPECT_THAT(archive_error(empty.bytes()), HasSubstr("no data.pkl"));
}

TEST(TorchArchive, EveryTruncationIsAnError) {
  const std::string file = torch_archive(one_tensor_pickle({})).bytes();
  for (std::size_t bytes = 0; bytes < file.size(); ++bytes) {
    EXPECT_NE(archive_error(file.substr(0, bytes)), "no error") << bytes;
  }
  const std::string pickle = one_tensor_pickle({});
  for (std::size_t bytes = 0; bytes < pickle.size(); ++bytes) {
    EXPECT_NE(pickle_error(pickle.substr(0, bytes)), "no error") << bytes;
  }
}

TEST(TorchArchive, EveryFlippedByteIsAnErrorOrAnotherTensor) {
  const std::string file = torch_archive(one_tensor_pickle({})).bytes();
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (const int flip : {1, 0x20, 0x80, 0xFF}) {
      std::string spoilt = file;
      spoilt[at] = static_cast<char>(spoilt[at] ^ flip);
      const auto tensors = parse_torch_archive(bytes_of(spoilt), "w.bin");
      if (!tensors) continue;
      for (const NamedTensor& tensor : *tensors) {
        const auto* const begin = reinterpret_cast<const std::byte*>(spoilt.data());
        EXPECT_GE(tensor.view.bytes.data(), begin);
        EXPECT_LE(tensor.view.bytes.data() + tensor.view.bytes.size(), begin + spoilt.size());
      }
    }
  }
}

}  // namespace
}  // namespace hearth::engine
