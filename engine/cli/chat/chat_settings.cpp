#include "engine/cli/chat/chat_settings.h"

#include <charconv>
#include <optional>
#include <utility>

#include "engine/sampling/sampling_overrides.h"

namespace hearth::engine {
namespace {

using nlohmann::ordered_json;

template <class T>
std::optional<T> number_of(std::string_view text) {
  T value{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Setting {
  std::string_view name;
  std::string_view kind;  // what a value looks like, for people
  bool (*set)(SamplingFlags&, std::string_view);
  void (*reset)(SamplingFlags&);
  ordered_json (*show)(const SamplingFlags&);
};

template <class T>
ordered_json shown(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

template <auto Member>
constexpr Setting sampling_setting(std::string_view name, std::string_view kind) {
  return {name, kind,
          [](SamplingFlags& flags, std::string_view text) {
            auto& field = flags.sampling.*Member;
            using T = typename std::remove_reference_t<decltype(field)>::value_type;
            const auto value = number_of<T>(text);
            if (value) field = value;
            return value.has_value();
          },
          [](SamplingFlags& flags) { (flags.sampling.*Member).reset(); },
          [](const SamplingFlags& flags) { return shown(flags.sampling.*Member); }};
}

constexpr std::string_view kNumber = "a number";
constexpr std::string_view kWhole = "a whole number";

const std::vector<Setting>& settings_table() {
  static const std::vector<Setting> table = {
      sampling_setting<&SamplingOverrides::temperature>("temperature", kNumber),
      sampling_setting<&SamplingOverrides::top_k>("top_k", kWhole),
      sampling_setting<&SamplingOverrides::top_p>("top_p", kNumber),
      sampling_setting<&SamplingOverrides::min_p>("min_p", kNumber),
      sampling_setting<&SamplingOverrides::repetition_penalty>("repetition_penalty", kNumber),
      sampling_setting<&SamplingOverrides::presence_penalty>("presence_penalty", kNumber),
      sampling_setting<&SamplingOverrides::frequency_penalty>("frequency_penalty", kNumber),
      {"max_tokens", "a whole number from 1",
       [](SamplingFlags& flags, std::string_view text) {
         const auto value = number_of<std::int64_t>(text);
         if (value && *value >= 1) flags.max_new_tokens = value;
         return value && *value >= 1;
       },
       [](SamplingFlags& flags) { flags.max_new_tokens.reset(); },
       [](const SamplingFlags& flags) { return shown(flags.max_new_tokens); }},
      {"seed", "a whole number from 0",
       [](SamplingFlags& flags, std::string_view text) {
         const auto value = number_of<std::uint64_t>(text);
         if (value) flags.seed = value;
         return value.has_value();
       },
       [](SamplingFlags& flags) { flags.seed.reset(); },
       [](const SamplingFlags& flags) { return shown(flags.seed); }},
      {"stop", "a text",
       [](SamplingFlags& flags, std::string_view text) {
         if (!text.empty()) flags.stop = {std::string(text)};
         return !text.empty();
       },
       [](SamplingFlags& flags) { flags.stop.clear(); },
       [](const SamplingFlags& flags) {
         return flags.stop.empty() ? ordered_json(nullptr) : ordered_json(flags.stop);
       }}};
  return table;
}

const Setting* find_setting(std::string_view name) {
  for (const Setting& setting : settings_table()) {
    if (setting.name == name) return &setting;
  }
  return nullptr;
}

}  // namespace

const std::vector<std::string_view>& chat_setting_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> all;
    for (const Setting& setting : settings_table()) all.push_back(setting.name);
    return all;
  }();
  return names;
}

Result<void> set_chat_setting(SamplingFlags& settings, std::string_view name,
                              std::string_view value) {
  const Setting* const setting = find_setting(name);
  if (setting == nullptr) {
    return fail(ErrorCode::invalid_parameter,
                "There is no setting \"" + std::string(name) + "\"; /params lists them.");
  }
  if (value == "off" || value == "default") {
    setting->reset(settings);
    return {};
  }
  SamplingFlags changed = settings;
  if (!setting->set(changed, value)) {
    return fail(ErrorCode::invalid_parameter,
                std::string(name) + " must be " + std::string(setting->kind) + ", or off.");
  }
  const auto checked = resolve(changed.sampling, {});
  if (!checked) return tl::unexpected(checked.error());
  settings = std::move(changed);
  return {};
}

ordered_json chat_settings_object(const SamplingFlags& settings) {
  ordered_json object = ordered_json::object();
  for (const Setting& setting : settings_table())
    object[std::string(setting.name)] = setting.show(settings);
  return object;
}

}  // namespace hearth::engine
