// Which family a folder belongs to, as far as its text is concerned: three ChatGLMs share a
// model_type, and tell themselves apart by hints only (models §1).
#pragma once

#include <cstdint>
#include <filesystem>

namespace hearth::engine {

enum class TextFamily : std::uint8_t { other, chatglm1, chatglm2, chatglm3, yuan };

// Reads config.json's model_type and keys; of ChatGLM2 and 3 the names in config.json and
// tokenizer_config.json, the folder's own name, and whether its tokenizer knows "<|user|>". A
// folder without config.json is `other`.
TextFamily text_family_of(const std::filesystem::path& folder);

}  // namespace hearth::engine
