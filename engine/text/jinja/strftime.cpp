#include "engine/text/jinja/strftime.h"

#include <cstdio>
#include <ctime>

#include <locale.h>

#include "engine/text/jinja/failure.h"

namespace hearth::engine::jinja {
namespace {

constexpr std::size_t kFormatBytesMax = 1024;
constexpr std::size_t kResultBytesMax = 64 * 1024;

locale_t english() {
  static const locale_t kLocale = newlocale(LC_ALL_MASK, "C", nullptr);
  return kLocale;
}

// Python fills in %f itself, and %z and %Z are empty for a time without a zone.
std::string without_python_directives(const std::string& format, long microseconds) {
  std::string result;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      result += format[i];
      continue;
    }
    const char directive = format[++i];
    if (directive == 'f') {
      char digits[24];
      std::snprintf(digits, sizeof digits, "%06ld", microseconds);
      result += digits;
    } else if (directive != 'z' && directive != 'Z') {
      result += '%';
      result += directive;
    }
  }
  return result;
}

}  // namespace

std::string format_time(const std::string& format, std::chrono::system_clock::time_point now,
                        Budget& budget) {
  if (format.size() > kFormatBytesMax)
    raise(ErrorCode::template_limit, "The chat template's time format is too long.");
  const auto whole = std::chrono::floor<std::chrono::seconds>(now);
  const auto microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(now - whole).count();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(whole);
  std::tm local{};
  localtime_r(&seconds, &local);
  // A mark at the end tells an empty result from a buffer that was too small.
  const std::string marked = without_python_directives(format, microseconds) + ".";
  budget.make_text(kResultBytesMax);
  std::string result(kResultBytesMax, '\0');
  const std::size_t written =
      strftime_l(result.data(), result.size(), marked.c_str(), &local, english());
  if (written == 0)
    raise(ErrorCode::template_limit, "The chat template's formatted time is too long.");
  result.resize(written - 1);
  return result;
}

}  // namespace hearth::engine::jinja
