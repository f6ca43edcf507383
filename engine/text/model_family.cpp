#include "engine/text/model_family.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "engine/text/json_fields.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

// An object, also when the file is missing or no JSON: those who need the file say so.
nlohmann::json object_of(const fs::path& file) {
  const auto json = load_json(file);
  return json && json->is_object() ? *json : nlohmann::json::object();
}

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// The Python source is searched for a word, never run.
bool mentions_roles(const fs::path& folder) {
  for (const char* name : {"tokenization_chatglm.py", "tokenizer_config.json"}) {
    const auto text = read_file(folder / name);
    if (text && text->find("<|user|>") != std::string::npos) return true;
  }
  return false;
}

TextFamily newer_chatglm(const fs::path& folder, const nlohmann::json& config) {
  const nlohmann::json tokenizer = object_of(folder / "tokenizer_config.json");
  std::error_code ignored;
  const std::string own_name = fs::weakly_canonical(folder, ignored).filename().string();
  for (const std::string& name :
       {text_at(config, "_name_or_path"), text_at(tokenizer, "name_or_path"), own_name}) {
    const std::string hint = lower(name);
    if (hint.find("chatglm3") != std::string::npos) return TextFamily::chatglm3;
    if (hint.find("chatglm2") != std::string::npos) return TextFamily::chatglm2;
  }
  return mentions_roles(folder) ? TextFamily::chatglm3 : TextFamily::chatglm2;
}

}  // namespace

TextFamily text_family_of(const fs::path& folder) {
  const nlohmann::json config = object_of(folder / "config.json");
  const std::string model_type = text_at(config, "model_type");
  if (model_type == "yuan") return TextFamily::yuan;
  if (model_type != "chatglm") return TextFamily::other;
  const bool is_first =
      config.contains("inner_hidden_size") || config.contains("position_encoding_2d");
  return is_first ? TextFamily::chatglm1 : newer_chatglm(folder, config);
}

}  // namespace hearth::engine
