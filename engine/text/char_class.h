// Classes of characters that components of tokenizer.json name.
#pragma once

namespace hearth::engine {

bool is_white_space(char32_t value);     // Unicode White_Space: \s, and Rust's char::is_whitespace
bool is_word_char(char32_t value);       // \w of Rust's regex crate
bool is_numeric_char(char32_t value);    // Nd, Nl, No: Rust's char::is_numeric
bool is_punctuation(char32_t value);     // ASCII punctuation or P*
bool is_combining_mark(char32_t value);  // M*

}  // namespace hearth::engine
