import { h, icon, set, setChildren, setText } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { textOf } from '../state/reply.js';
import { errorInWords } from '../words.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').Reply} Reply */
/** @typedef {import('../state/state.js').Waiting} Waiting */
/** @typedef {import('../state/state.js').ErrorBody} ErrorBody */
/** @typedef {{kind: 'bad' | 'care' | 'calm', icon: string, title: string, text: string, actions: [string, () => void][]}} Story */

/** Whose limit ended it. @param {Reply} reply @param {number | undefined} contextLength @returns {'yours' | 'context' | 'room'} */
function limitOf({ written, have, usage }, contextLength) {
  if (written.params?.max_tokens !== undefined && have >= written.params.max_tokens) return 'yours';
  return usage && contextLength && usage.prompt_tokens + usage.completion_tokens >= contextLength ? 'context' : 'room';
}

/** A card under what was kept: what happened, what is safe, one main way on. @param {Context} context */
export function makeTrouble(context) {
  const { words, dispatch } = context;
  const title = h('h3');
  const text = h('p');
  const row = h('div', { class: 'row' });
  const element = h('section', { class: 'trouble' }, title, text, row);
  let shown = '';

  /** @param {Story} story */
  const show = (story) => {
    const key = JSON.stringify([story.kind, story.title, story.text, story.actions.map(([name]) => name)]);
    if (key === shown) return;
    shown = key;
    set(element, 'data-kind', story.kind);
    set(element, 'role', story.kind === 'calm' ? 'status' : 'alert');
    title.replaceChildren(icon(story.icon), story.title);
    setText(text, story.text);
    setChildren(row, story.actions.map(([name, onclick], i) =>
      h('button', { class: 'button', 'data-kind': i === 0 ? 'main' : 'outline', 'data-size': 'small', type: 'button', onclick }, name)));
    row.hidden = story.actions.length === 0;
  };

  /** The words of the page for a known code, else the server's own sentence. @param {ErrorBody | undefined} error */
  const sentence = (error) => (error ? (errorInWords(words, error) ?? error.detail ?? error.title ?? error.code) : '');

  return {
    element,

    /** @param {Message} message @param {Reply} reply @param {boolean} canContinue @returns {boolean} whether there is anything to tell */
    showReply(message, reply, canContinue) {
      /** @type {[string, () => void][]} */
      const goOn = canContinue && textOf(reply, 'answer') ? [[words.goOn, () => dispatch({ type: 'reply_continued', id: randomId(), message: message.id })]] : [];
      const again = /** @type {[string, () => void]} */ ([words.tryAgain, () => context.regenerate(message)]);
      if (reply.finish === 'length') {
        const raise = /** @type {[string, () => void]} */ ([words.raiseLimit, () => dispatch({ type: 'settings_opened' })]);
        const limit = limitOf(reply, context.read().server.model?.context_length);
        show({ kind: 'calm', icon: 'info', title: words.length(reply.have, limit), text: words.lengthWhat, actions: limit === 'context' ? [] : [...goOn, raise] });
      } else if (reply.finish === 'failed') {
        show({ kind: 'bad', icon: 'warn', title: sentence(reply.error) || words.failed, text: words.failedWhat(reply.have), actions: [again, ...goOn] });
      } else if (reply.finish === 'interrupted') {
        show({ kind: 'calm', icon: 'info', title: words.interrupted, text: words.interruptedWhat, actions: [...goOn, again] });
      } else if (reply.finish === 'cancelled') {
        show({ kind: 'calm', icon: 'stop', title: words.stopped, text: '', actions: goOn });
      } else if (!reply.isStored) {
        show({ kind: 'care', icon: 'warn', title: words.unsaved, text: '', actions: [] });
      } else if (textOf(reply, 'answer') === '') {
        show({ kind: 'calm', icon: 'info', title: words.emptyReply, text: '', actions: [again] });
      } else {
        return false;
      }
      return true;
    },

    /** @param {Waiting} waiting */
    showRefused(waiting) {
      const { needed = 0, limit = 0 } = waiting.error ?? {};
      const isMessage = waiting.body.type === 'chat.create' && !waiting.body.regenerate;
      const isTooLong = isMessage && needed > limit; // to try the same again would be in vain
      const takeBack = () => dispatch({ type: 'waiting_discarded', id: waiting.id });
      show({
        kind: 'care',
        icon: 'warn',
        title: sentence(waiting.error) || words.refused,
        text: !isMessage ? '' : isTooLong ? words.shortenBy(needed - limit) : words.refusedKept,
        actions: isTooLong ? [[words.editQueued, takeBack]] : [[words.tryAgain, () => dispatch({ type: 'waiting_retried', id: waiting.id })], [words.takeBack, takeBack]],
      });
    },
  };
}
