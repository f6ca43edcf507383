#include "tests/support/fake_runner.h"

#include <algorithm>
#include <latch>
#include <stdexcept>
#include <thread>
#include <utility>

namespace hearth::engine::test {
namespace {

constexpr std::uint64_t kPoison = 0xDEAD'DEAD'DEAD'DEADU;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9E3779B97F4A7C15U + b + 0x632BE59BD9B4E019U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

// What a token leaves in the cache: like the upper layers of a real model, it depends on everything
// before it.
std::uint64_t key_of(std::uint64_t before, TokenId id, std::int64_t position) {
  return mix(mix(before, static_cast<std::uint64_t>(id)), static_cast<std::uint64_t>(position));
}

// Where prompts are one chunk, every prompt token sees the whole prompt.
std::uint64_t seed_of(const RunnerTraits& traits, std::span<const TokenId> prompt) {
  if (traits.can_chunk) return 1;
  std::uint64_t seed = 2;
  for (const TokenId id : prompt) seed = mix(seed, static_cast<std::uint64_t>(id));
  return seed;
}

// "Attention": every cached position counts.
std::uint64_t attend(std::uint64_t sum, std::uint64_t key, std::int64_t position) {
  return sum + mix(key, static_cast<std::uint64_t>(position) + 77);
}

std::vector<float> logits_of(std::uint64_t state, std::int64_t vocab_size) {
  std::vector<float> logits;
  for (std::int64_t id = 0; id < vocab_size; ++id) {
    const std::uint64_t bits = mix(state, static_cast<std::uint64_t>(id));
    logits.push_back(static_cast<float>(bits >> 44) * 0x1p-18F);  // [0, 4)
  }
  return logits;
}

}  // namespace

void StepGate::close() {
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
}

void StepGate::wait_until_step_waits() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_waiting_; });
}

void StepGate::open() {
  const std::lock_guard lock(mutex_);
  is_closed_ = false;
  changed_.notify_all();
}

void StepGate::pass() {
  std::unique_lock lock(mutex_);
  is_waiting_ = is_closed_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !is_closed_; });
  is_waiting_ = false;
}

FakeRunner::FakeRunner(FakeRunnerOptions options) : options_(std::move(options)) {
  const RunnerTraits& t = options_.traits;
  keys_.assign(static_cast<std::size_t>(t.num_blocks * t.block_size), kPoison);
}

void FakeRunner::each_of(std::int64_t count,
                         const std::function<void(std::int64_t item, int worker)>& body) {
  std::latch all_here(options_.num_workers);
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < options_.num_workers; ++worker) {
    workers.emplace_back([&, worker] {
      all_here.arrive_and_wait();
      for (std::int64_t item = count - 1; item >= 0; --item) {
        if (item % options_.num_workers == worker) body(item, worker);
      }
    });
  }
}

TokenId FakeRunner::next_token(const RunnerTraits& traits, const std::vector<TokenId>& ids,
                               std::size_t num_prompt) {
  std::uint64_t key = seed_of(traits, std::span(ids).first(num_prompt));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    key = key_of(key, ids[i], static_cast<std::int64_t>(i));
    sum = attend(sum, key, static_cast<std::int64_t>(i));
  }
  const std::vector<float> logits = logits_of(sum, traits.vocab_size);
  return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
}

void FakeRunner::poison(std::int32_t block) {
  const auto size = static_cast<std::size_t>(options_.traits.block_size);
  std::fill_n(keys_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(block) * size),
              size, kPoison);
}

Result<StepResult> FakeRunner::run(const Batch& batch) {
  if (options_.gate != nullptr) options_.gate->pass();
  const std::int64_t step = num_steps_++;
  const auto ask = [step](const auto& fault) { return fault ? fault(step) : std::string(); };
  if (const std::string what = ask(faults.throw_in_step); !what.empty())
    throw std::runtime_error(what);
  if (std::string what = ask(faults.fail_step); !what.empty())
    return fail(ErrorCode::engine_failed, std::move(what));
  if (std::string what = check(batch); !what.empty()) {
    ++num_broken_promises_;
    return fail(ErrorCode::internal, std::move(what));
  }
  num_tokens_in_last_step_ = 0;
  row_sizes_.clear();
  logits_.assign(batch.rows.size(), {});
  StepResult result;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    RowResult& out = result.rows.emplace_back();
    row_sizes_.push_back(static_cast<std::int64_t>(row.tokens.size()));
    num_tokens_in_last_step_ += row_sizes_.back();
    if (faults.fail_row) out.error = faults.fail_row(step, row);
    if (out.error.empty()) out.error = compute(row, logits_[i]);
    if (out.error.empty()) out.values = logits_[i];
  }
  num_tokens_ += num_tokens_in_last_step_;
  if (after_step) after_step();
  return result;
}

std::string FakeRunner::check(const Batch& batch) const {
  const RunnerTraits& t = options_.traits;
  std::set<std::int32_t> slots;
  std::map<std::int32_t, std::size_t> writers;  // block → row
  std::int64_t num_tokens = 0;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const BatchRow& row = batch.rows[i];
    const auto count = static_cast<std::int64_t>(row.tokens.size());
    num_tokens += count;
    if (count == 0) return "a row without tokens";
    if (row.slot < 0 || row.slot >= t.max_sequences) return "a slot out of range";
    if (!slots.insert(row.slot).second) return "two rows in one slot";
    if (row.position + count > static_cast<std::int64_t>(row.block_table.size()) * t.block_size) {
      return "tokens outside the block table";
    }
    for (const std::int32_t block : row.block_table) {
      if (block < 0 || block >= t.num_blocks) return "a block out of range";
    }
    for (std::int64_t p = row.position; p < row.position + count; ++p) {
      const std::int32_t block = row.block_table[static_cast<std::size_t>(p / t.block_size)];
      const auto [writer, is_new] = writers.emplace(block, i);
      if (!is_new && writer->second != i) return "two rows write one block";
    }
    const bool is_prompt = row.position < row.prompt_length;
    if (!t.can_chunk && is_prompt && (row.position != 0 || count != row.prompt_length))
      return "a prompt in pieces";
    if (!t.can_chunk && !is_prompt && count != 1) return "several tokens after the prompt";
  }
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    for (const std::int32_t block : batch.rows[i].block_table) {
      const auto writer = writers.find(block);
      if (writer != writers.end() && writer->second != i)
        return "a row holds a block that another one writes";
    }
  }
  if (num_tokens > t.max_batch_tokens) return "too many tokens in a step";
  return {};
}

std::uint64_t& FakeRunner::place(const BatchRow& row, std::int64_t position) {
  const std::int64_t size = options_.traits.block_size;
  const std::int64_t block = row.block_table[static_cast<std::size_t>(position / size)];
  return keys_[static_cast<std::size_t>(block * size + position % size)];
}

std::string FakeRunner::compute(const BatchRow& row, std::vector<float>& values) {
  const RunnerTraits& t = options_.traits;
  std::uint64_t key = row.position == 0 ? seed_of(t, row.tokens) : place(row, row.position - 1);
  for (std::size_t i = 0; i < row.tokens.size(); ++i) {
    const std::int64_t position = row.position + static_cast<std::int64_t>(i);
    if (row.tokens[i] < 0 || row.tokens[i] >= t.vocab_size) return "a token outside the vocabulary";
    key = key_of(key, row.tokens[i], position);
    place(row, position) = key;
  }
  if (row.output == RowOutput::none) return {};
  std::uint64_t sum = 0;
  const std::int64_t end = row.position + static_cast<std::int64_t>(row.tokens.size());
  const bool is_of_all = row.output == RowOutput::all_logits || row.output == RowOutput::all_hidden;
  for (std::int64_t p = 0; p < end; ++p) {
    sum = attend(sum, place(row, p), p);
    if (p < (is_of_all ? row.position : end - 1)) continue;
    const std::vector<float> one = logits_of(sum, t.vocab_size);
    const bool is_scores = row.output == RowOutput::logits || row.output == RowOutput::all_logits;
    values.insert(values.end(), one.begin(), is_scores ? one.end() : one.begin() + kStateSize);
  }
  return {};
}

}  // namespace hearth::engine::test
