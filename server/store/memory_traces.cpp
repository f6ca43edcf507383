// The traces of MemoryStore: they lie with their conversation and go with it.
#include <algorithm>
#include <utility>

#include "server/store/memory_store.h"

namespace hearth::server {
namespace {

std::size_t droppable_bytes(const std::map<std::int64_t, std::string>& trace) {
  std::size_t bytes = 0;
  for (const auto& [place, data] : trace) bytes += place % 2 != 0 ? data.size() : 0;
  return bytes;
}

}  // namespace

void MemoryStore::save_trace(UserId owner, MessageId message, std::vector<TraceBlob> blobs) {
  const Place found = place(owner, message);
  if (!found.message) return;
  Account& mine = *account(owner);
  for (TraceBlob& blob : blobs) {
    std::string& kept = found.thread->traces[message][blob.place];
    // What stays counts like the text it belongs to.
    if (blob.place % 2 == 0) {
      charge(mine, blob.data.size(), kept.size());
    } else {
      charge_droppable(mine, blob.data.size(), kept.size());
    }
    kept = std::move(blob.data);
  }
  if (mine.droppable_bytes > trace_bytes_per_user_) drop_old_traces(mine, message);
}

void MemoryStore::drop_old_traces(Account& mine, const MessageId& newest) {
  struct Kept {
    bool is_newest = false;
    std::int64_t created_ms = 0;
    std::map<std::int64_t, std::string>* trace = nullptr;
  };
  std::vector<Kept> all;
  for (auto& [conversation, thread] : mine.threads) {
    for (const Message& message : thread.messages) {
      const auto trace = thread.traces.find(message.id);
      if (trace == thread.traces.end()) continue;
      all.push_back({message.id == newest, message.created_ms, &trace->second});
    }
  }
  std::ranges::stable_sort(
      all, {}, [](const Kept& one) { return std::pair(one.is_newest, one.created_ms); });
  for (const Kept& oldest : all) {
    if (mine.droppable_bytes <= trace_bytes_per_user_) return;
    charge_droppable(mine, 0, droppable_bytes(*oldest.trace));
    std::erase_if(*oldest.trace, [](const auto& entry) { return entry.first % 2 != 0; });
  }
}

void MemoryStore::load_trace(UserId owner, MessageId message, std::vector<std::int64_t> places,
                             Loaded done) {
  std::vector<TraceBlob> blobs;
  const Place found = place(owner, message);
  for (const std::int64_t wanted : places) {
    if (!found.message) break;
    const auto trace = found.thread->traces.find(message);
    if (trace == found.thread->traces.end()) break;
    const auto blob = trace->second.find(wanted);
    if (blob != trace->second.end()) blobs.push_back({wanted, blob->second});
  }
  post_([done = std::move(done), blobs = std::move(blobs)] { done(blobs); });
}

}  // namespace hearth::server
