#include "server/api/export_api.h"

#include <deque>
#include <set>
#include <utility>

#include "server/api/data_requests.h"
#include "server/api/errors.h"
#include "server/api/export_json.h"
#include "server/api/inspect_query.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;

HttpResponse file_head(const std::string& type, const std::string& disposition) {
  HttpResponse head;
  head.content_type = type;
  head.headers = {{"content-disposition", disposition}, {"cache-control", "no-store"}};
  return head;
}

// Writes one page of one conversation at a time, when the client has taken the one before. What is
// changed while it writes moves to the front of the list, so the list is read again until it names
// nothing new.
class ExportWriter : public std::enable_shared_from_this<ExportWriter> {
 public:
  ExportWriter(ChatService& service, RequestRef request, ResponseRef response)
      : transfer_(service.transfer()),
        request_(std::move(request)),
        response_(std::move(response)),
        owner_(request_->user->id) {}

  void write_all(HttpResponse head) {
    tail_ = "\n]}\n";
    response_->begin(std::move(head));
    listen();
    list();
  }

  void write_one(const ConversationId& id) {
    waiting_.push_back(id);
    is_listed_ = true;
    is_alone_ = true;
    listen();
    go_on();
  }

 private:
  void listen() {
    response_->on_written([self = shared_from_this()] { self->go_on(); });
    response_->on_gone([self = shared_from_this()] { self->is_over_ = true; });
  }

  void list() {
    is_asking_ = true;
    transfer_.list(owner_, cursor_, [self = shared_from_this()](Result<ConversationPage> page) {
      self->listed(std::move(page));
    });
  }

  void listed(Result<ConversationPage> page) {
    is_asking_ = false;
    if (is_over_) return;
    if (!page) return fail(page.error());
    for (const Conversation& row : page->conversations) {
      if (seen_.insert(row.id).second) waiting_.push_back(row.id);
    }
    cursor_ = page->next;
    is_listed_ = cursor_.empty();
    if (!is_listed_) return list();
    go_on();
  }

  void go_on() {
    if (is_over_ || is_asking_ || response_->is_writing()) return;
    if (!waiting_.empty()) return load();
    if (!is_alone_ && has_written_since_list_) {
      has_written_since_list_ = false;
      return list();
    }
    is_over_ = true;
    response_->write(std::move(tail_));
    response_->end();
  }

  void load() {
    is_asking_ = true;
    transfer_.load(
        owner_, waiting_.front(), page_cursor_,
        [self = shared_from_this()](Result<MessagePage> page) { self->loaded(std::move(page)); });
  }

  void loaded(Result<MessagePage> page) {
    is_asking_ = false;
    if (is_over_) return;
    const bool is_gone = !page && page.error().code == ErrorCode::not_found;
    if (!page && (!is_gone || is_alone_)) return fail(page.error());
    std::string text;
    if (page) {
      if (!is_inside_) text += begin_conversation(page->conversation);
      for (const Message& row : page->messages) {
        if (std::exchange(has_message_, true)) text += ",\n";
        text += export_message(row);
      }
      page_cursor_ = page->next;
    }
    if (!page || page_cursor_.empty()) text += end_conversation();
    response_->write(std::move(text));
    go_on();
  }

  std::string begin_conversation(const Conversation& conversation) {
    is_inside_ = true;
    has_message_ = false;
    if (is_alone_) {
      response_->begin(file_head("application/json", attachment(conversation.title, "json")));
      return export_head(conversation);
    }
    return (std::exchange(has_conversation_, true) ? ",\n" : "\n") + export_head(conversation);
  }

  // Also of one that was deleted between two of its pages.
  std::string end_conversation() {
    waiting_.pop_front();
    page_cursor_.clear();
    has_written_since_list_ = true;
    return std::exchange(is_inside_, false) ? "]}" : "";
  }

  // Behind the head only a cut connection tells that the file is not whole.
  void fail(const Error& error) {
    is_over_ = true;
    refuse(request_, response_, error);
  }

  TransferCalls& transfer_;
  RequestRef request_;
  ResponseRef response_;
  UserId owner_;
  std::string tail_;
  std::deque<ConversationId> waiting_;
  std::set<ConversationId> seen_;
  std::string cursor_;
  std::string page_cursor_;
  bool is_alone_ = false;
  bool is_listed_ = false;
  bool is_asking_ = false;
  bool is_over_ = false;
  bool is_inside_ = false;
  bool has_message_ = false;
  bool has_conversation_ = false;
  bool has_written_since_list_ = false;
};

void answer_markdown(ChatService& service, const RequestRef& request, const ResponseRef& response,
                     const ConversationId& id) {
  service.transfer().path(
      request->user->id, id, [request, response](Result<ConversationPath> path) {
        if (!path) return refuse(request, response, path.error());
        HttpResponse whole =
            file_head("text/markdown; charset=utf-8", attachment(path->conversation.title, "md"));
        whole.body = export_markdown(*path);
        response->send(std::move(whole));
      });
}

}  // namespace

Handler export_handler(ExportApi api) {
  return [api = std::move(api)](const RequestRef& request, const ResponseRef& response) {
    if (const auto reason = refuse_other_sites(*request)) return refuse(request, response, *reason);
    const std::int64_t now_ms = api.clock.unix_ms();
    HttpResponse head =
        file_head("application/json", attachment("hearth-" + date_of(now_ms), "json"));
    const json opening = {
        {"format", "hearth.export.v1"},
        {"exported", now_ms},
        {"server", {{"name", "hearth"}, {"version", api.version}}},
        {"user", {{"id", to_string(request->user->id)}, {"name", request->user->name}}}};
    head.body = opening.dump(-1, ' ', false, json::error_handler_t::replace);
    head.body.pop_back();
    head.body += ",\n \"conversations\": [";
    std::make_shared<ExportWriter>(api.service, request, response)->write_all(std::move(head));
  };
}

Handler conversation_export_handler(ExportApi api) {
  return [api = std::move(api)](const RequestRef& request, const ResponseRef& response) {
    if (const auto reason = refuse_other_sites(*request)) return refuse(request, response, *reason);
    constexpr std::string_view kEnd = "/export";
    std::string_view tail = request->tail;
    const bool is_export = tail.ends_with(kEnd);
    if (is_export) tail.remove_suffix(kEnd.size());
    const auto id = parse_id<ConversationId>(tail);
    if (!is_export || !id) {
      return refuse(request, response,
                    wire_error(ErrorCode::not_found, "There is no such id here."));
    }
    QueryFields query(request->query);
    const std::string format = query.text("format", 16);
    if (query.error()) return refuse(request, response, *query.error());
    if (format == "markdown") return answer_markdown(api.service, request, response, *id);
    if (!format.empty() && format != "hearth") {
      return refuse(
          request, response,
          wire_error(ErrorCode::invalid_parameter, "format is hearth or markdown.", "format"));
    }
    std::make_shared<ExportWriter>(api.service, request, response)->write_one(*id);
  };
}

}  // namespace hearth::server
