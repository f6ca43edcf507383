import { h, icon, set, setChildren } from '../base/dom.js';
import { randomId } from '../base/random_id.js';
import { rateOf } from '../state/reply.js';
import { offers } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Message} Message */
/** @typedef {import('../state/state.js').Reply} Reply */

const roomAbovePx = 400; // where there is less, the menu opens below its button

/** Whether the server would write on at the end of this reply. @param {State} state @param {Reply} reply */
export const canContinue = (state, reply) => offers(state, 'chat.continue') && reply.phase === 'done' && (reply.finish !== 'stop' || reply.isEdited);

/** What else can be done with a reply, and with what it was made. @param {Context} context @param {string} id */
export function makeReplyMenu({ words, dispatch, read }, id) {
  const key = `reply:${id}`;
  const button = h('button', { class: 'icon-button', type: 'button', 'aria-haspopup': 'true', 'aria-label': words.replyMenu, title: words.replyMenu, onclick: () => dispatch({ type: 'menu_toggled', id: key }) }, icon('more'));
  /** @param {string} name @param {string} text @param {() => void} does */
  const item = (name, text, does) => h('button', { type: 'button', onclick: () => {
    dispatch({ type: 'menu_toggled', id: null });
    does();
  } }, icon(name), text);
  const goOn = item('play', words.continueReply, () => dispatch({ type: 'reply_continued', id: randomId(), message: id }));
  const rewrite = item('edit', words.rewrite, () => dispatch({ type: 'rewrite_started', message: id }));
  const prompt = item('inspect', words.showPrompt, () => dispatch({ type: 'inspector_opened', tab: 'prompt', message: id }));
  const save = item('down2', words.exportMarkdown, () => dispatch({ type: 'conversation_exported', id: read().current, format: 'markdown' }));
  const print = item('print', words.print, () => window.print());
  const facts = h('dl', { class: 'kv' });
  const menu = h('div', { class: 'menu', 'data-kind': 'reply' });
  /** @type {Element[]} */
  const elements = [button];

  /** @param {Reply} reply @returns {[string, string][]} */
  const factsOf = (reply) => {
    const { usage, timings, written } = reply;
    const rate = rateOf(reply);
    /** @type {[string, string | undefined | false | 0][]} */
    const all = [
      [words.factModel, written.model],
      [words.factSeed, written.seed !== undefined && String(written.seed)],
      [words.factFirst, timings && words.milliseconds(timings.queue_ms + timings.prefill_ms)],
      [words.factQueue, timings && timings.queue_ms >= 100 && words.milliseconds(timings.queue_ms)],
      [words.factRate, rate > 0 && words.perSecond(rate)],
      [words.factPrompt, usage && words.promptTokens(usage.prompt_tokens, usage.cached_tokens ?? 0)],
      [words.factEnd, reply.finish && words.finishes[reply.finish]],
    ];
    return /** @type {[string, string][]} */ (all.filter(([, value]) => value));
  };

  return {
    key,
    elements,
    /** @param {State} state @param {Message} message */
    update(state, { reply }) {
      const isOpen = state.view.menu === key;
      set(button, 'aria-expanded', String(isOpen));
      const wasOpen = elements.length > 1;
      elements.length = 1;
      if (!isOpen || !reply) return;
      facts.replaceChildren(...factsOf(reply).flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
      setChildren(menu, [...(canContinue(state, reply) ? [goOn] : []), ...(offers(state, 'chat.edit') && reply.phase === 'done' ? [rewrite] : []), ...(offers(state, 'inspect') ? [prompt] : []), save, print, facts]);
      elements.push(menu);
      if (!wasOpen) {
        set(menu, 'data-place', button.getBoundingClientRect().top < roomAbovePx && 'below');
        queueMicrotask(() => menu.querySelector('button')?.focus());
      }
    },
  };
}
