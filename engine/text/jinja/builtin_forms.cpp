#include "engine/text/jinja/builtin_forms.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace hearth::engine::jinja {
namespace {

constexpr BuiltinForm kChatMl = {
    "built-in ChatML form",
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    false};

// FastChat's vicuna_v1.1. A system turn replaces the default sentence.
constexpr BuiltinForm kVicuna = {
    "built-in Vicuna form",
    "{% set ns = namespace(system='A chat between a curious user and an artificial intelligence "
    "assistant. The assistant "
    "gives helpful, detailed, and polite answers to the user\\'s questions.') %}"
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{% set ns.system = message['content'] %}{% endif %}"
    "{% endfor %}"
    "{{ ns.system + ' ' }}"
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'USER: ' + message['content'] + ' ' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'ASSISTANT: ' + message['content'] + '</s>' }}{% "
    "endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
    true};

// Meta's form for Llama-2-chat: the system prompt goes into the first user turn.
constexpr BuiltinForm kLlama2 = {
    "built-in Llama-2 form",
    "{% if messages and messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}"
    "{% set turns = messages[1:] %}{% else %}{% set system = none %}{% set turns = messages %}{% "
    "endif %}"
    "{% for message in turns %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') "
    "}}{% endif %}"
    "{% if loop.first and system is not none %}"
    "{% set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content | trim + ' [/INST]' }}"
    "{% else %}{{ ' ' + content | trim + ' ' + eos_token }}{% endif %}"
    "{% endfor %}",
    false};

// A round is a question and its answer; the last question waits for one. ChatGLM-6B numbers from 0,
// and writes no form at all for a single question.
constexpr BuiltinForm kChatGlm1 = {
    "built-in ChatGLM-6B form",
    "{% set turns = messages | rejectattr('role', 'equalto', 'system') | list %}"
    "{% set ns = namespace(round=0) %}"
    "{% for message in turns %}"
    "{% if turns | length == 1 %}{{ message['content'] }}"
    "{% elif message['role'] == 'user' %}{{ '[Round ' ~ ns.round ~ ']\\n问：' ~ message['content'] "
    "~ '\\n答：' }}"
    "{% set ns.round = ns.round + 1 %}"
    "{% else %}{{ message['content'] ~ '\\n' }}{% endif %}"
    "{% endfor %}",
    true};

constexpr BuiltinForm kChatGlm2 = {
    "built-in ChatGLM2 form",
    "{% set turns = messages | rejectattr('role', 'equalto', 'system') | list %}"
    "{% set ns = namespace(round=1) %}"
    "{% for message in turns %}"
    "{% if message['role'] == 'user' %}{{ '[Round ' ~ ns.round ~ ']\\n\\n问：' ~ "
    "message['content'] ~ '\\n\\n答：' }}"
    "{% set ns.round = ns.round + 1 %}"
    "{% else %}{{ message['content'] ~ '\\n\\n' }}{% endif %}"
    "{% endfor %}",
    true};

// Each message is its role, a line of metadata (empty here) and the text. A turn that the model
// begins for somebody else ends its reply.
constexpr std::array<std::string_view, 2> kChatGlm3Stops = {"<|user|>", "<|observation|>"};
constexpr BuiltinForm kChatGlm3 = {
    "built-in ChatGLM3 form",
    "{{ '[gMASK]sop' }}"
    "{% for message in messages %}"
    "{{ '<|' ~ ('observation' if message['role'] == 'tool' else message['role']) ~ '|>\\n' }}"
    "{% if message['content'] %}{{ ' ' ~ message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
    false, kChatGlm3Stops};

// The template that Yuan2's folders have, for those that lost it.
constexpr BuiltinForm kYuan2 = {
    "built-in Yuan2 form",
    "{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'].strip() + '\\n' }}"
    "{% else %}{{ message['content'].strip() + ('<sep>' if loop.last else '<n>') }}{% endif %}"
    "{% endfor %}",
    false};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::string text_at(const nlohmann::ordered_json& config, const char* key) {
  const auto found = config.find(key);
  return found != config.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

const BuiltinForm* find_builtin_form(const nlohmann::ordered_json& config,
                                     const std::string& folder_name, TextFamily family) {
  if (!config.is_object()) return nullptr;
  const std::string model_type = text_at(config, "model_type");
  const std::string hints = lower(folder_name + " " + text_at(config, "_name_or_path"));
  const auto hinted = [&](std::string_view word) { return hints.find(word) != std::string::npos; };
  if (model_type == "qwen2") return &kChatMl;
  if (model_type == "llama" && hinted("vicuna")) return &kVicuna;
  if (model_type == "llama" && (hinted("llama-2") || hinted("llama2"))) return &kLlama2;
  if (family == TextFamily::chatglm1) return &kChatGlm1;
  if (family == TextFamily::chatglm2) return &kChatGlm2;
  if (family == TextFamily::chatglm3) return &kChatGlm3;
  if (family == TextFamily::yuan) return &kYuan2;
  return nullptr;
}

}  // namespace hearth::engine::jinja
