// tojson: Python's json.dumps as transformers calls it.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/printing.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

std::string unit_escape(unsigned unit) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", unit);
  return buffer;
}

std::string in_json(char32_t value, bool ensure_ascii) {
  switch (value) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\f':
      return "\\f";
    case '\b':
      return "\\b";
    default:
      break;
  }
  const auto code = static_cast<unsigned>(value);
  if (code < 0x20 || (ensure_ascii && code >= 0x7F && code < 0x10000)) return unit_escape(code);
  if (ensure_ascii && code >= 0x10000) {
    return unit_escape(0xD800 + ((code - 0x10000) >> 10)) +
           unit_escape(0xDC00 + ((code - 0x10000) & 0x3FF));
  }
  std::string same;
  append_utf8(same, value);
  return same;
}

std::string json_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return show_float(value);
}

class JsonPrinter {
 public:
  JsonPrinter(const JsonStyle& style, Budget& budget)
      : style_(style), budget_(budget), out_(budget) {}

  void write(const Value& value) {
    budget_.step();
    if (const MarkedText* text = value.text()) return write_string(*text);
    if (const auto* dict = value.object<const Dict>()) return write_dict(*dict, value.origin);
    const auto* sequence = value.object<Sequence>();
    if (sequence &&
        (sequence->kind == SequenceKind::list || sequence->kind == SequenceKind::tuple ||
         sequence->kind == SequenceKind::group)) {
      return write_list(sequence->items, value.origin);
    }
    out_.add(scalar(value), value.origin);
  }

  MarkedText take() { return out_.take(); }

 private:
  static std::string scalar(const Value& value) {
    if (value.is_none()) return "null";
    if (const bool* flag = value.as<bool>()) return *flag ? "true" : "false";
    if (const Int* number = value.as<Int>()) return show_int(*number);
    if (const double* number = value.as<double>()) return json_number(*number);
    raise_type("Object of type " + std::string(type_name(value)) + " is not JSON serializable.");
  }

  void write_string(const MarkedText& text) {
    out_.add("\"");
    for_each_char(text, [&](CodePoint point, std::size_t, Origin origin) {
      out_.add(in_json(point.value, style_.ensure_ascii), origin);
    });
    out_.add("\"");
  }

  void new_line(Origin origin) {
    if (!style_.indent) return;
    out_.add("\n", origin);
    for (std::size_t i = 0; i < level_; ++i) out_.add(*style_.indent, origin);
  }

  // Writes open, the items with their separators and line breaks, close.
  template <class Items, class WriteItem>
  void write_all(const Items& items, std::string_view brackets, Origin origin,
                 WriteItem write_item) {
    out_.add(brackets.substr(0, 1), origin);
    if (!items.empty()) {
      ++level_;
      bool first = true;
      for (const auto& item : items) {
        if (!first) out_.add(style_.item_separator, origin);
        first = false;
        new_line(origin);
        write_item(item);
      }
      --level_;
      new_line(origin);
    }
    out_.add(brackets.substr(1), origin);
  }

  void write_list(const std::vector<Value>& items, Origin origin) {
    write_all(items, "[]", origin, [&](const Value& item) { write(item); });
  }

  void write_dict(const Dict& dict, Origin origin) {
    std::vector<Dict::Entry> entries = dict.entries();
    if (style_.sort_keys) {
      std::stable_sort(
          entries.begin(), entries.end(),
          [](const Dict::Entry& a, const Dict::Entry& b) { return less(a.first, b.first); });
    }
    write_all(entries, "{}", origin, [&](const Dict::Entry& entry) {
      write_key(entry.first);
      out_.add(style_.key_separator, origin);
      write(entry.second);
    });
  }

  void write_key(const Value& key) {
    if (key.text()) return write_string(*key.text());
    if (!key.is_none() && !number_of(key)) {
      raise_type("keys must be str, int, float, bool or None, not " + std::string(type_name(key)) +
                 ".");
    }
    write_string(MarkedText(scalar(key), key.origin));
  }

  const JsonStyle& style_;
  Budget& budget_;
  TextBuilder out_;
  std::size_t level_ = 0;
};

}  // namespace

MarkedText to_json_text(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonPrinter printer(style, budget);
  printer.write(value);
  return printer.take();
}

}  // namespace hearth::engine::jinja
