#include "server/api/import_api.h"

#include <utility>

#include "server/api/data_requests.h"
#include "server/api/errors.h"
#include "server/api/import_file.h"

namespace hearth::server {
namespace {

using json = nlohmann::ordered_json;
using Read = tl::expected<ImportFile, WireError>;

// One file on its way into the history: one conversation after the other, whether or not its sender
// still waits for the answer.
class Importer : public std::enable_shared_from_this<Importer> {
 public:
  Importer(TransferCalls& transfer, std::shared_ptr<TransferCalls::Place> place, RequestRef request,
           ResponseRef response)
      : transfer_(transfer),
        place_(std::move(place)),
        request_(std::move(request)),
        response_(std::move(response)),
        owner_(request_->user->id) {}

  void start(std::int64_t now_ms) {
    auto read = std::make_shared<Read>(
        tl::unexpected(wire_error(ErrorCode::internal, "The server failed on this file.")));
    const ImportLimits limits;
    transfer_.read(
        place_,
        [read, request = request_, owner = owner_, limits, now_ms] {
          try {
            *read = read_import(request->body, owner, limits, now_ms);
          } catch (const std::exception&) {
            // It stays what it is: a file may be as strange as it likes.
          }
        },
        [self = shared_from_this(), read] { self->was_read(std::move(*read)); });
  }

 private:
  void was_read(Read read) {
    if (!read) {
      place_ = nullptr;
      return refuse(request_, response_, read.error());
    }
    file_ = std::move(*read);
    go_on();
  }

  void go_on() {
    while (next_ < file_.entries.size()) {
      ImportEntry& entry = file_.entries[next_];
      if (entry.conversation) {
        return transfer_.import(owner_, std::move(*entry.conversation),
                                [self = shared_from_this()](Result<ImportedConversation> imported) {
                                  self->was_imported(imported);
                                });
      }
      note_refusal(entry.conversation.error());
    }
    finish();
  }

  json head_of_entry() const { return {{"index", next_}, {"title", file_.entries[next_].title}}; }

  void note_refusal(WireError error) {
    const std::string place = "conversations[" + std::to_string(next_) + "]";
    error.param = error.param.empty() ? place : place + "." + error.param;
    json entry = head_of_entry();
    entry["status"] = "refused";
    entry["error"] = to_json(error);
    note(std::move(entry), "refused");
  }

  void note(json entry, const char* status) {
    ++counts_[status];
    entries_.push_back(std::move(entry));
    ++next_;
  }

  void was_imported(const Result<ImportedConversation>& imported) {
    if (!imported) {
      note_refusal(WireError::of(imported.error()));
      return go_on();
    }
    const char* const status = imported->is_new      ? "imported"
                               : imported->added > 0 ? "extended"
                                                     : "known";
    json entry = head_of_entry();
    entry["status"] = status;
    entry["conversation"] = to_string(imported->conversation.id);
    entry["messages"] = imported->added;
    const auto& left_out = file_.entries[next_].left_out;
    if (!left_out.empty()) entry["left_out"] = left_out;
    note(std::move(entry), status);
    go_on();
  }

  void finish() {
    place_ = nullptr;
    if (counts_["imported"] + counts_["extended"] > 0) transfer_.announce(owner_);
    answer(response_, {{"format", file_.format},
                       {"imported", counts_["imported"]},
                       {"extended", counts_["extended"]},
                       {"known", counts_["known"]},
                       {"refused", counts_["refused"]},
                       {"conversations", std::move(entries_)}});
  }

  TransferCalls& transfer_;
  std::shared_ptr<TransferCalls::Place> place_;
  RequestRef request_;
  ResponseRef response_;
  UserId owner_;
  ImportFile file_;
  std::size_t next_ = 0;
  json entries_ = json::array();
  std::map<std::string, int> counts_;
};

}  // namespace

Handler import_handler(ChatService& service, Clock clock) {
  return
      [&service, clock = std::move(clock)](const RequestRef& request, const ResponseRef& response) {
        auto place = service.transfer().enter(*request->user);
        if (!place) return refuse(request, response, place.error());
        std::make_shared<Importer>(service.transfer(), std::move(*place), request, response)
            ->start(clock.unix_ms());
      };
}

}  // namespace hearth::server
