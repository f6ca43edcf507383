// From a schema's keywords to the states of a grammar; json_schema.h says what is understood.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/structured/grammar.h"
#include "engine/structured/json_grammar.h"

namespace hearth::engine {

// What was asked for, on its way into a builder. Stops at the first thing that is wrong.
class SchemaCompiler {
 public:
  explicit SchemaCompiler(GrammarBuilder& builder) : b_(builder), json_(builder) {}

  // A document of its own: references stay inside it.
  void compile(const nlohmann::ordered_json& schema, GrammarState from, GrammarState to);
  void any_object(GrammarState from, GrammarState to) { b_.call(from, json_.object(), to); }

  std::optional<Error> problem() const;

 private:
  void refuse(const std::string& at, const std::string& what);
  bool is_over() const { return problem_ || b_.is_full(); }

  // `at`: the place in the schema, for errors. Each writes the texts of one schema between two
  // states; schema_values.cpp has those of objects, arrays and strings.
  void any_of_types(const nlohmann::ordered_json& schema, const std::string& at, std::size_t depth,
                    GrammarState from, GrammarState to);
  void one_type(const std::string& type, const nlohmann::ordered_json& schema,
                const std::string& at, std::size_t depth, GrammarState from, GrammarState to);
  bool combined(const nlohmann::ordered_json& schema, const std::string& at, std::size_t depth,
                GrammarState from, GrammarState to);
  void reference(const std::string& pointer, const std::string& at, std::size_t depth,
                 GrammarState from, GrammarState to);
  void object(const nlohmann::ordered_json& schema, const std::string& at, std::size_t depth,
              GrammarState from, GrammarState to);
  void properties(const nlohmann::ordered_json& schema, const std::string& at, std::size_t depth,
                  GrammarState from, GrammarState to);
  void array(const nlohmann::ordered_json& schema, const std::string& at, std::size_t depth,
             GrammarState from, GrammarState to);
  void string(const nlohmann::ordered_json& schema, const std::string& at, GrammarState from,
              GrammarState to);
  bool check_keywords(const nlohmann::ordered_json& schema, const std::string& at);
  std::int64_t count(const nlohmann::ordered_json& schema, const char* name, std::int64_t otherwise,
                     const std::string& at);
  void pair(const std::string& key, const nlohmann::ordered_json& value, const std::string& at,
            std::size_t depth, GrammarState from, GrammarState to);

  GrammarBuilder& b_;
  JsonGrammar json_;
  const nlohmann::ordered_json* document_ = nullptr;
  std::map<std::string, GrammarRule> by_pointer_;
  std::optional<Error> problem_;
};

}  // namespace hearth::engine
