#include "engine/structured/json_schema.h"

#include "engine/structured/schema_compiler.h"

namespace hearth::engine {

Result<std::shared_ptr<const Grammar>> compile_framed_schemas(
    const std::vector<FramedSchema>& alternatives) {
  GrammarBuilder builder;
  SchemaCompiler compiler(builder);
  const GrammarRule root = builder.rule();
  for (const FramedSchema& one : alternatives) {
    const GrammarState begin = builder.state();
    const GrammarState end = builder.state();
    builder.text(builder.ends(root).begin, one.before, begin);
    compiler.compile(one.schema, begin, end);
    builder.text(end, one.behind, builder.ends(root).end);
    if (const auto problem = compiler.problem()) return tl::unexpected(*problem);
  }
  return std::make_shared<const Grammar>(builder.take(root));
}

Result<std::shared_ptr<const Grammar>> compile_json_schema(const nlohmann::ordered_json& schema) {
  return compile_framed_schemas({{"", schema, ""}});
}

std::shared_ptr<const Grammar> json_object_grammar() {
  GrammarBuilder builder;
  SchemaCompiler compiler(builder);
  const GrammarRule root = builder.rule();
  compiler.any_object(builder.ends(root).begin, builder.ends(root).end);
  return std::make_shared<const Grammar>(builder.take(root));
}

}  // namespace hearth::engine
