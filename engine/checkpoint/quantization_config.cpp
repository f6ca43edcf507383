#include "engine/checkpoint/quantization_config.h"

#include <cmath>
#include <string>
#include <vector>

namespace hearth::engine {
namespace {

void refuse(ConfigReader& config, const std::string& what) {
  config.refuse(ErrorCode::dtype_unsupported,
                config.where() + ": weights quantised with " + what +
                    " are not supported; supported are gptq (2, 4 or 8 bits), awq (gemm, 4 bits), "
                    "fp8 and bitsandbytes in 8 bits.");
}

void read_gptq(ConfigReader& quantization, ConfigReader& config, QuantizationSpec& spec) {
  spec.method = QuantMethod::gptq;
  spec.bits = static_cast<int>(quantization.integer("bits", 4, 1, 64));
  if (spec.bits != 2 && spec.bits != 4 && spec.bits != 8) {
    refuse(config, "gptq in " + std::to_string(spec.bits) + " bits");
  }
  const std::string format = quantization.text("checkpoint_format", "gptq");
  spec.zeros_are_exact = format == "gptq_v2";
  if (format != "gptq" && format != "gptq_v2") {
    refuse(config, "gptq's checkpoint_format \"" + format.substr(0, 80) + '"');
  }
}

void read_awq(ConfigReader& quantization, ConfigReader& config, QuantizationSpec& spec) {
  spec.method = QuantMethod::awq;
  spec.bits = static_cast<int>(quantization.integer("bits", 4, 1, 64));
  const std::string version = quantization.text("version", "gemm");
  if (spec.bits != 4) refuse(config, "awq in " + std::to_string(spec.bits) + " bits");
  if (version != "gemm" && version != "GEMM") {
    refuse(config, "awq's version \"" + version.substr(0, 80) + '"');
  }
}

void read_fp8(ConfigReader& quantization, QuantizationSpec& spec) {
  spec.method = QuantMethod::fp8;
  const std::vector<double> block = quantization.numbers("weight_block_size");
  if (block.empty()) return;
  constexpr double kBlockMax = 1e6;
  const auto is_size = [](double n) { return n >= 1.0 && n <= kBlockMax && n == std::floor(n); };
  if (block.size() != 2 || !is_size(block[0]) || !is_size(block[1])) {
    quantization.report("weight_block_size", "two positive integers");
    return;
  }
  spec.block_rows = static_cast<std::int64_t>(block[0]);
  spec.block_columns = static_cast<std::int64_t>(block[1]);
}

}  // namespace

QuantizationSpec read_quantization(ConfigReader& config) {
  QuantizationSpec spec;
  auto quantization = config.object("quantization_config");
  if (!quantization) return spec;
  const std::string method = quantization->text("quant_method", "unknown");
  if (method == "gptq") {
    read_gptq(*quantization, config, spec);
  } else if (method == "awq") {
    read_awq(*quantization, config, spec);
  } else if (method == "fp8") {
    read_fp8(*quantization, spec);
  } else if (method == "bitsandbytes" || method == "bitsandbytes_8bit") {
    spec.method = QuantMethod::bnb8;
    if (quantization->boolean("load_in_4bit", false)) refuse(config, "bitsandbytes in 4 bits");
  } else {
    refuse(config, '"' + method.substr(0, 80) + '"');
  }
  config.adopt(*quantization);
  return spec;
}

}  // namespace hearth::engine
