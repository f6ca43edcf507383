// Messages, tools and wishes for the output of OpenAI's chat API, checked and brought into the
// shape that chat templates know. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include "server/api/api_prompt.h"
#include "server/api/body_fields.h"
#include "server/api/output_rule.h"

namespace hearth::server {

// body.ordered["messages"] as a template reads them: content is text, developer is system,
// arguments of tool calls are objects. Errors name the message ("messages[1].content").
Parsed<nlohmann::ordered_json> read_messages(const Body& body);

struct ToolWish {
  nlohmann::ordered_json tools = nullptr;  // null: none are offered to the model
  OutputRule rule;                         // a call is demanded
  bool is_parallel = true;                 // more than one call may come
};
Parsed<ToolWish> read_tools(const Body& body);

Parsed<OutputRule> read_response_format(const Body& body);

// chat_template_kwargs: names from a list; texts without characters that could build special tokens
//
Parsed<nlohmann::ordered_json> read_template_variables(const Body& body);

}  // namespace hearth::server
