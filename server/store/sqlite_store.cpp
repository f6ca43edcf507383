#include "server/store/sqlite_store.h"

#include <utility>

#include <sys/stat.h>

#include "server/store/data_dir.h"
#include "server/store/integrity.h"
#include "server/store/rows.h"
#include "server/store/schema.h"

namespace hearth::server {
namespace {

// Work that keeps its result until the service's thread asks for it. Refusals (not_found, conflict)
// undo what it changed.
template <class T, class Work>
Job job(Work work, HistoryStore::Done<T> done, Growth growth) {
  auto result =
      std::make_shared<Result<T>>(fail(ErrorCode::internal, "The store did not run this."));
  return {.work =
              [result, work = std::move(work)](Database& db) {
                *result = work(db);
                return result->has_value();
              },
          .complete =
              [result, done = std::move(done)](std::optional<Error> error) {
                if (!done) return;
                if (error) *result = tl::unexpected(std::move(*error));
                done(std::move(*result));
              },
          .growth = growth};
}

class Store final : public SqliteStore, public TraceStore {
 public:
  Store(DataDir dir, std::unique_ptr<Database> writer, std::unique_ptr<Database> reader, Post post,
        Options options, int num_interrupted)
      : dir_(std::move(dir)),
        options_(std::move(options)),
        num_interrupted_(num_interrupted),
        reader_(std::move(reader), post),
        writer_(std::move(writer), post,
                {.trouble =
                     [this](Database& db) {
                       return find_trouble(db, options_.disk, options_.free_bytes(dir_.path()));
                     },
                 .log = options_.log,
                 .now = options_.now}) {}

  std::size_t commits() const override { return writer_.commits(); }
  int num_interrupted() const override { return num_interrupted_; }
  TraceStore* traces() override { return this; }

  void create_user(User user, std::optional<Sha256> credential, std::int64_t now_ms,
                   Done<void> done) override {
    write<void>([=](Database& db) { return rows::create_user(db, user, credential, now_ms); },
                std::move(done), Growth::grows);
  }
  void find_user(Sha256 credential, std::int64_t now_ms, Done<std::optional<User>> done) override {
    read<std::optional<User>>([=](Database& db) { return rows::find_user(db, credential, now_ms); },
                              std::move(done));
  }
  void rename_user(UserId owner, std::string name, Done<void> done) override {
    write<void>([=](Database& db) { return rows::rename_user(db, owner, name); }, std::move(done));
  }
  void add_credential(UserId owner, Credential credential, Done<void> done) override {
    write<void>([=](Database& db) { return rows::add_credential(db, owner, credential); },
                std::move(done));
  }
  void list_keys(UserId owner, Done<std::vector<Credential>> done) override {
    read<std::vector<Credential>>([=](Database& db) { return rows::list_keys(db, owner); },
                                  std::move(done));
  }
  void remove_credential(UserId owner, Sha256 hash, Done<void> done) override {
    write<void>([=](Database& db) { return rows::remove_credential(db, owner, hash); },
                std::move(done));
  }
  void remove_access(UserId owner, Done<void> done) override {
    write<void>([=](Database& db) { return rows::remove_access(db, owner); }, std::move(done));
  }
  void erase_user(UserId owner, Done<void> done) override {
    write<void>([=](Database& db) { return rows::erase_user(db, owner); }, std::move(done));
  }
  void find_request(UserId owner, std::string client_id,
                    Done<std::optional<KnownRequest>> done) override {
    read<std::optional<KnownRequest>>(
        [=](Database& db) { return rows::find_request(db, owner, client_id); }, std::move(done));
  }
  void load_path(UserId owner, ConversationId conversation, ParentRef parent,
                 std::size_t text_bytes_max, Done<ConversationPath> done) override {
    read<ConversationPath>(
        [=](Database& db) {
          return rows::load_path(db, owner, conversation, parent, text_bytes_max);
        },
        std::move(done));
  }
  void begin_turn(NewTurn turn, Done<void> done) override {
    write<void>([turn = std::move(turn), quota = options_.bytes_per_user](
                    Database& db) { return rows::begin_turn(db, turn, quota); },
                std::move(done), Growth::grows);
  }
  void checkpoint(UserId owner, MessageId reply, ReplySoFar so_far) override {
    write<void>([owner, reply, so_far = std::move(so_far)](
                    Database& db) { return rows::checkpoint(db, owner, reply, so_far); },
                nullptr);
  }
  void finish_reply(UserId owner, MessageId reply, ReplyEnd end, Done<void> done) override {
    write<void>([=](Database& db) { return rows::finish_reply(db, owner, reply, end); },
                std::move(done));
  }
  void find_message(UserId owner, MessageId id, Done<FoundMessage> done) override {
    read<FoundMessage>([=](Database& db) { return rows::find_message(db, owner, id); },
                       std::move(done));
  }
  void reply_ids(UserId owner, MessageId id, Done<std::vector<TokenId>> done) override {
    read<std::vector<TokenId>>([=](Database& db) { return rows::reply_ids(db, owner, id); },
                               std::move(done));
  }
  void search(UserId owner, std::string query, std::string cursor, int limit,
              Done<SearchPage> done) override {
    read<SearchPage>([=](Database& db) { return rows::search(db, owner, query, cursor, limit); },
                     std::move(done));
  }
  void list(UserId owner, std::string cursor, int limit, Done<ConversationPage> done) override {
    read<ConversationPage>([=](Database& db) { return rows::list(db, owner, cursor, limit); },
                           std::move(done));
  }
  void load(UserId owner, ConversationId conversation, std::string cursor, std::size_t bytes_max,
            Done<MessagePage> done) override {
    read<MessagePage>(
        [=](Database& db) { return rows::load(db, owner, conversation, cursor, bytes_max); },
        std::move(done));
  }
  void update(UserId owner, ConversationId conversation, ConversationChange change,
              Done<Conversation> done) override {
    write<Conversation>([=](Database& db) { return rows::update(db, owner, conversation, change); },
                        std::move(done));
  }
  void edit(UserId owner, ConversationId conversation, MessageId message, std::string content,
            std::optional<std::int64_t> revision, Done<std::int64_t> done) override {
    write<std::int64_t>(
        [=](Database& db) {
          return rows::edit(db, owner, conversation, message, content, revision);
        },
        std::move(done));
  }
  void set_head(UserId owner, ConversationId conversation, MessageId head,
                Done<void> done) override {
    write<void>([=](Database& db) { return rows::set_head(db, owner, conversation, head); },
                std::move(done));
  }
  void remove(UserId owner, ConversationId conversation, Hide now_ms, Done<void> done) override {
    write<void>([=](Database& db) { return rows::remove(db, owner, conversation, now_ms); },
                std::move(done));
  }
  void clear(UserId owner, Hide now_ms, Done<std::int64_t> done) override {
    write<std::int64_t>([=](Database& db) { return rows::clear(db, owner, now_ms); },
                        std::move(done));
  }
  void restore(UserId owner, std::optional<ConversationId> conversation,
               std::int64_t hidden_since_ms, Done<std::vector<Conversation>> done) override {
    write<std::vector<Conversation>>(
        [=](Database& db) { return rows::restore(db, owner, conversation, hidden_since_ms); },
        std::move(done));
  }
  void import_conversation(UserId owner, ConversationImport import,
                           Done<ImportedConversation> done) override {
    write<ImportedConversation>(
        [owner, import = std::move(import), quota = options_.bytes_per_user](Database& db) {
          return rows::import_conversation(db, owner, import, quota);
        },
        std::move(done), Growth::grows);
  }
  void usage(UserId owner, Done<Usage> done) override {
    read<Usage>([=, quota = options_.bytes_per_user](
                    Database& db) { return rows::usage(db, owner, quota); },
                std::move(done));
  }
  void purge(PurgeBefore before) override {
    write<void>([=](Database& db) { return rows::purge(db, before); }, nullptr);
  }

  void save_trace(UserId owner, MessageId message, std::vector<TraceBlob> blobs) override {
    write<void>(
        [owner, message, blobs = std::move(blobs)](Database& db) {
          return rows::save_trace(db, owner, message, blobs,
                                  static_cast<std::int64_t>(kTraceBytesPerUser));
        },
        nullptr);
  }
  void load_trace(UserId owner, MessageId message, std::vector<std::int64_t> places,
                  Loaded done) override {
    read<std::vector<TraceBlob>>(
        [=](Database& db) { return rows::load_trace(db, owner, message, places); },
        std::move(done));
  }

 private:
  template <class T, class Work>
  void write(Work work, Done<T> done, Growth growth = Growth::keeps) {
    writer_.push(job<T>(std::move(work), std::move(done), growth));
  }
  template <class T, class Work>
  void read(Work work, Done<T> done) {
    reader_.push(job<T>(std::move(work), std::move(done), Growth::keeps));
  }

  DataDir dir_;  // unlocked last
  Options options_;
  int num_interrupted_;
  Reader reader_;
  Writer writer_;  // stopped first: it finishes what was accepted
};

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& data_dir,
                                                       Post post) {
  return open(data_dir, std::move(post), Options{});
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::filesystem::path& data_dir,
                                                       Post post, Options options) {
  auto dir = DataDir::open(data_dir);
  if (!dir) return tl::unexpected(dir.error());
  const std::filesystem::path file = data_dir / kHistoryFile;
  const bool was_killed = has_unfinished_log(file);
  try {
    auto writer = std::make_unique<Database>(file, Database::Mode::read_write);
    // Conversations are private; the -wal and -shm files take the mode of the database.
    ::chmod(file.c_str(), 0600);
    check_integrity(*writer, file, was_killed);
    prepare_schema(*writer, file);
    const int num_interrupted = mark_interrupted(*writer);
    auto reader = std::make_unique<Database>(file, Database::Mode::read_only);
    return std::make_unique<Store>(std::move(*dir), std::move(writer), std::move(reader),
                                   std::move(post), std::move(options), num_interrupted);
  } catch (const StoreFailure& failure) {
    return fail(ErrorCode::io_error,
                "The history in " + file.string() + " cannot be used: " + failure.error.detail);
  }
}

}  // namespace hearth::server
