// The reference model of a client: what one tab was told, held against what hearth.chat.v1
// promises. Written from server/PROTOCOL.md. Every broken promise is a sentence.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace hearth::server::testing {

// What all tabs of one person have learned together.
struct Person {
  std::map<std::string, std::string> stream_of;        // client id → stream
  std::map<std::string, std::string> question_of;      // stream → what was asked
  std::map<std::string, std::string> conversation_of;  // stream → conversation
  std::set<std::string> conversations;
  std::set<std::string> leaving;  // conversations: their deletion was asked for
  std::set<std::string> deleted;  // and is done

  bool may_be_gone(const std::string& stream) const {
    const auto at = conversation_of.find(stream);
    return at != conversation_of.end() && leaving.contains(at->second);
  }
};

// One socket's life, event by event.
class TabModel {
 public:
  TabModel(Person& person, std::string own_letters)
      : person_(person), own_letters_(std::move(own_letters)) {}

  struct Watch {
    std::size_t have = 0;
    std::string text;
    bool is_watched = false;
    bool is_ended = false;
    bool may_repeat = false;  // a chat.cancel was answered before a replay that was on its way
  };

  // --- what the tab sends
  bool is_asking(const std::string& id) const { return asked_.contains(id); }
  void asked(const std::string& id, const std::string& content) { asked_[id] = content; }
  void asked_amiss(const std::string& id) { conflicts_.insert(id); }
  void attached(const std::string& id, const std::string& stream, std::size_t have) {
    attaching_[id] = {stream, have, text_at(stream, have)};
  }
  void resumed(const std::string& stream, std::size_t have, std::string text) {
    resuming_[stream] = {stream, have, std::move(text)};
  }
  void cancelled(const std::string& id, const std::string& stream) { cancelling_[id] = stream; }
  void deleted(const std::string& id, const std::string& conversation) {
    person_.leaving.insert(conversation);
    deleting_[id] = conversation;
  }
  void trespassed(const std::string& id) { trespasses_.insert(id); }

  // --- what it is told
  void read(const nlohmann::json& event) {
    const std::string type = event.at("type");
    if (event.contains("stream") && type != "accepted" &&
        !person_.question_of.contains(event["stream"]))
      fault(type + " of a stream that is not this person's");
    if (type == "ready") ready(event);
    if (type == "accepted") accepted(event);
    if (type == "result") result(event);
    if (type == "error") refused(event);
    if (type == "delta") delta(event);
    if (type == "snapshot") snapshot(event);
    if (type == "done") done(event);
    if ((type == "queued" || type == "started") && !watches[event["stream"]].is_watched)
      fault(type + " of a reply that is not watched");
  }

  // When nothing moves any more.
  void at_rest() {
    for (const auto& [stream, watch] : watches) {
      if (watch.is_watched && !watch.is_ended && !person_.may_be_gone(stream))
        fault("a watched reply without its done");
    }
    if (!cancelling_.empty()) fault("a chat.cancel without an answer");
    if (!attaching_.empty()) fault("a stream.attach without an answer");
    if (!conflicts_.empty()) fault("a chat.create with another body without an answer");
    if (!asked_.empty()) fault("a chat.create without an answer");
    if (!trespasses_.empty()) fault("a request without an answer");
  }

  std::map<std::string, Watch> watches;
  std::vector<std::string> faults;

 private:
  struct Attach {
    std::string stream;
    std::size_t have = 0;
    std::string text;
  };

  void fault(const std::string& what) { faults.push_back(what); }
  std::string text_at(const std::string& stream, std::size_t have) {
    const Watch& watch = watches[stream];
    return have == watch.have ? watch.text : std::string();
  }
  void begin(const std::string& stream, std::size_t have, std::string text) {
    watches[stream] = {have, std::move(text), true, false, false};
  }

  void ready(const nlohmann::json& event) {
    std::set<std::string> unknown;
    if (event.contains("unknown"))
      for (const std::string stream : event["unknown"]) unknown.insert(stream);
    for (auto& [stream, wish] : resuming_) {
      if (!unknown.contains(stream)) begin(stream, wish.have, std::move(wish.text));
      if (unknown.contains(stream) && !person_.may_be_gone(stream))
        fault("a reply that nobody deleted is unknown");
    }
    resuming_.clear();
  }
  // Ids are idempotent: one id, one reply.
  void accepted(const nlohmann::json& event) {
    const std::string id = event.at("re");
    const std::string stream = event.at("stream");
    if (conflicts_.contains(id)) return fault("another body under a known id was accepted");
    const auto question = asked_.find(id);
    if (question == asked_.end()) return fault("accepted, and nobody had asked");
    const auto [known, is_new] = person_.stream_of.emplace(id, stream);
    if (known->second != stream) fault("one id made two replies");
    person_.question_of.emplace(stream, question->second);
    person_.conversations.insert(event.at("conversation").get<std::string>());
    person_.conversation_of[stream] = event.at("conversation").get<std::string>();
    asked_.erase(question);
    begin(stream, 0, "");
  }
  void result(const nlohmann::json& event) {
    const std::string re = event.at("re");
    if (trespasses_.contains(re)) fault("what is another person's was given");
    const auto deletion = deleting_.find(re);
    if (deletion != deleting_.end()) person_.deleted.insert(deletion->second);
    const auto attach = attaching_.find(re);
    if (attach == attaching_.end()) return;
    begin(attach->second.stream, attach->second.have, attach->second.text);
    attaching_.erase(attach);
  }
  void refused(const nlohmann::json& event) {
    const std::string re = event.value("re", "");
    const std::string code = event.at("error").at("code");
    if (trespasses_.erase(re) != 0 && code != "not_found" && code != "rate_limited" &&
        code != "busy")
      fault("another person's id was answered with " + code);
    if (conflicts_.erase(re) != 0) return;
    asked_.erase(re);
    attaching_.erase(re);
    cancelling_.erase(re);
  }
  void delta(const nlohmann::json& event) {
    Watch& watch = watches[event.at("stream")];
    const std::size_t from = event.at("from");
    const std::size_t to = event.at("to");
    const std::string text = event.at("text");
    if (!watch.is_watched || watch.is_ended) fault("a delta of a reply that is not watched");
    if (from != watch.have || to <= from) fault("a gap or a doubled range");
    if (event.at("lp").size() != to - from) fault("lp does not count the tokens");
    std::size_t bytes = 0;
    for (const std::size_t count : event.at("bytes")) bytes += count;
    if (bytes != text.size()) fault("bytes do not count the text");
    if (text.find_first_not_of(own_letters_) != std::string::npos)
      fault("somebody else's words: " + text);
    watch.have = to;
    watch.text += text;
  }
  void snapshot(const nlohmann::json& event) {
    Watch& watch = watches[event.at("stream")];
    if (watch.may_repeat) watch.is_ended = watch.may_repeat = false;
    if (!watch.is_watched || watch.is_ended) fault("a snapshot of a reply that is not watched");
    watch.have = event.at("to");
    watch.text.clear();
    for (const nlohmann::json& part : event.at("parts")) watch.text += part.at("text");
    if (watch.text.find_first_not_of(own_letters_) != std::string::npos)
      fault("somebody else's words: " + watch.text);
  }
  void done(const nlohmann::json& event) {
    Watch& watch = watches[event.at("stream")];
    const std::string re = event.value("re", "");
    const bool answers = cancelling_.erase(re) != 0;
    if (!re.empty() && !answers) fault("done answers what was not asked");
    if (answers) watch.may_repeat = true;
    if (answers && event.at("to") != watch.have) return;
    if (watch.is_watched && !watch.is_ended) {
      if (event.at("to") != watch.have) fault("done, and something is missing");
      watch.is_ended = true;
    } else if (!answers) {
      fault("a second done");
    }
  }

  Person& person_;
  std::string own_letters_;
  std::map<std::string, std::string> asked_;  // client id → content
  std::map<std::string, Attach> attaching_;   // request id
  std::map<std::string, Attach> resuming_;    // stream
  std::map<std::string, std::string> cancelling_;
  std::map<std::string, std::string> deleting_;
  std::set<std::string> conflicts_;
  std::set<std::string> trespasses_;
};

}  // namespace hearth::server::testing
