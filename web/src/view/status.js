import { h } from '../base/dom.js';
import { textOf } from '../state/reply.js';
import { wordsIn } from '../words.js';

/** @typedef {import('../base/store.js').Store} Store */

const placeEveryMs = 10_000;

/** The one line that screen readers hear. Ticking numbers stay silent; a place in line is said when it changes, at most every 10 s. @param {Store} store */
export function makeStatus(store) {
  const element = h('p', { class: 'unseen', role: 'status', 'aria-live': 'polite' });
  let placeAt = -Infinity;
  let place = 0;
  let spoken = '';
  const say = (/** @type {string} */ text) => {
    // The same sentence twice is only heard twice when the text differs.
    spoken = text === spoken ? `${text}\u00a0` : text;
    element.textContent = spoken;
  };

  // Whole sentences that were not read yet; what is still growing waits for its end.
  let readTo = 0;
  const newSentences = (/** @type {string} */ text) => {
    if (text.length < readTo) readTo = 0;
    const end = Math.max(...['. ', '? ', '! ', '.\n', '。', '？', '！', '\n\n'].map((mark) => text.lastIndexOf(mark)));
    if (end < readTo) return '';
    const sentences = text.slice(readTo, end + 1).trim();
    readTo = end + 1;
    return sentences;
  };

  store.addEffect((action, after, before) => {
    const words = wordsIn(after.settings.language);
    if (action.type === 'waiting_submitted') say(words.saidSent);
    if (after.outbox.length > before.outbox.length && after.connection.phase !== 'ready') say(action.type === 'message_sent' ? words.notSent : words.notAsked);
    if (action.type === 'toast_shown' && action.toast.kind === 'copied') say(words.copied);
    if (action.type !== 'stream_moved' || before.streams[action.event.stream] !== after.current) return;
    const { event } = action;
    const reply = after.trees[after.current]?.messages[event.stream]?.reply;
    const old = before.trees[after.current]?.messages[event.stream]?.reply;
    if (event.type === 'queued' && event.position !== place && performance.now() - placeAt > placeEveryMs) {
      place = event.position;
      placeAt = performance.now();
      say(words.saidPlace(event.position, event.eta_ms));
    } else if (event.type === 'delta' && reply?.phase === 'running' && old?.phase !== 'running') {
      readTo = 0;
      say(words.writing);
    } else if (event.type === 'delta' && after.settings.isReadAloud && reply) {
      const sentences = newSentences(textOf(reply, 'answer'));
      if (sentences) say(sentences);
    } else if (reply?.phase === 'done' && old?.phase !== 'done' && reply.finish !== 'failed') {
      say(reply.finish === 'cancelled' ? words.stopped : words.saidDone(reply.have));
    }
  });
  return element;
}
