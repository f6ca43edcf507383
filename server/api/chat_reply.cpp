#include "server/api/chat_reply.h"

namespace hearth::server {

ChatReply::News ChatReply::update(const Generation& generation) {
  const Choice& choice = generation.choices().front();
  if (!choice.text) return {};
  const std::string_view all = choice.text->text();
  std::string_view shown = all;
  if (has_tools_) {
    if (choice.end) {
      reader_.finish(all);
    } else {
      reader_.read(all);
    }
    shown = reader_.content();
  }
  News news;
  news.text = shown.substr(text_.size());
  text_ += news.text;
  for (; num_calls_ < reader_.calls().size(); ++num_calls_)
    news.calls.push_back(reader_.calls()[num_calls_]);
  return news;
}

}  // namespace hearth::server
