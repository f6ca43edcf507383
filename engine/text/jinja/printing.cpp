#include "engine/text/jinja/printing.h"

#include <cstdio>

#include "engine/text/jinja/numbers.h"
#include "engine/text/jinja/text_ops.h"

namespace hearth::engine::jinja {
namespace {

std::string hex_escape(char32_t value) {
  char buffer[16];
  const char* format = value < 0x100 ? "\\x%02x" : value < 0x10000 ? "\\u%04x" : "\\U%08x";
  std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(value));
  return buffer;
}

std::string in_quotes(char32_t value, char quote) {
  std::string result;
  if (value == '\\' || value == static_cast<char32_t>(quote)) {
    result += '\\';
    result += static_cast<char>(value);
  } else if (value == '\n') {
    result = "\\n";
  } else if (value == '\r') {
    result = "\\r";
  } else if (value == '\t') {
    result = "\\t";
  } else if (!is_printable(value)) {
    result = hex_escape(value);
  } else {
    append_utf8(result, value);
  }
  return result;
}

// Writes repr(value), level by level. Value nesting is bounded where values are made, but a
// namespace may hold itself.
class Printer {
 public:
  explicit Printer(Budget& budget) : budget_(budget), out_(budget) {}

  void write(const Value& value) {
    const DepthGuard guard(depth_, budget_.limits().value_depth * 2, "prints values that nest");
    budget_.step();
    if (const Str* str = value.object<const Str>()) return write_string(*str);
    if (const auto* sequence = value.object<Sequence>())
      return write_sequence(*sequence, value.origin);
    if (const auto* dict = value.object<const Dict>()) return write_dict(*dict, value.origin);
    if (const auto* space = value.object<Namespace>()) {
      out_.add("<Namespace ");
      write_dict(space->attributes, Origin::from_template);
      out_.add(">");
      return;
    }
    out_.add(scalar(value), value.origin);
  }

  MarkedText take() { return out_.take(); }

 private:
  static std::string scalar(const Value& value) {
    if (value.is_none()) return "None";
    if (const bool* flag = value.as<bool>()) return *flag ? "True" : "False";
    if (const Int* number = value.as<Int>()) return show_int(*number);
    if (const double* number = value.as<double>()) return show_float(*number);
    if (const auto* loop = value.object<Loop>()) {
      return "<LoopContext " + std::to_string(loop->index0 + 1) + "/" +
             std::to_string(loop->items.size()) + ">";
    }
    if (const auto* callable = value.object<const Callable>()) return callable->shown;
    return "Undefined";
  }

  void write_string(const Str& str) {
    const std::string& bytes = str.text.text();
    const bool prefers_double =
        bytes.find('\'') != std::string::npos && bytes.find('"') == std::string::npos;
    const char quote = prefers_double ? '"' : '\'';
    const std::string_view mark(&quote, 1);
    if (str.is_markup) out_.add("Markup(");
    out_.add(mark);
    for_each_char(str.text, [&](CodePoint point, std::size_t, Origin origin) {
      out_.add(in_quotes(point.value, quote), origin);
    });
    out_.add(mark);
    if (str.is_markup) out_.add(")");
  }

  void write_items(const std::vector<Value>& items, Origin origin) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.add(", ", origin);
      write(items[i]);
    }
  }

  void write_sequence(const Sequence& sequence, Origin origin) {
    const auto wrap = [&](std::string_view open, std::string_view close) {
      out_.add(open, origin);
      write_items(sequence.items, origin);
      out_.add(close, origin);
    };
    switch (sequence.kind) {
      case SequenceKind::list:
        return wrap("[", "]");
      case SequenceKind::tuple:
      case SequenceKind::group:
        return wrap("(", sequence.items.size() == 1 ? ",)" : ")");
      case SequenceKind::keys:
        return wrap("dict_keys([", "])");
      case SequenceKind::values:
        return wrap("dict_values([", "])");
      case SequenceKind::items:
        return wrap("dict_items([", "])");
      case SequenceKind::generator:
      case SequenceKind::range:
        out_.add(sequence.shown, origin);
        return;
      case SequenceKind::bytes:
        return write_bytes(sequence.items);
    }
  }

  void write_bytes(const std::vector<Value>& items) {
    out_.add("b'");
    for (const Value& item : items) {
      const auto byte = static_cast<char32_t>(*integer_of(item));
      out_.add(byte < 0x80 ? in_quotes(byte, '\'') : hex_escape(byte), item.origin);
    }
    out_.add("'");
  }

  void write_dict(const Dict& dict, Origin origin) {
    out_.add("{", origin);
    bool first = true;
    for (const auto& [key, item] : dict.entries()) {
      if (!first) out_.add(", ", origin);
      first = false;
      write(key);
      out_.add(": ", origin);
      write(item);
    }
    out_.add("}", origin);
  }

  Budget& budget_;
  TextBuilder out_;
  std::size_t depth_ = 0;
};

}  // namespace

MarkedText show(const Value& value, Budget& budget) {
  if (const MarkedText* text = value.text()) return *text;
  if (value.is_undefined()) return {};
  return represent(value, budget);
}

MarkedText represent(const Value& value, Budget& budget) {
  Printer printer(budget);
  printer.write(value);
  return printer.take();
}

}  // namespace hearth::engine::jinja
