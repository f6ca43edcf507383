import { h, icon, setText } from '../base/dom.js';
import { randomId } from '../base/random_id.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** First sight: one sentence on what the room is, a few starts, and who sees what. @param {Context} context */
export function makeWelcome({ words, dispatch }) {
  const title = h('h2');
  const sentence = h('p');
  const starts = words.starters.map(({ text, lang }) =>
    h('li', {}, h('button', { type: 'button', lang, onclick: () => dispatch({ type: 'message_sent', id: randomId(), content: text, at: Date.now() }) }, icon('send'), text)));
  const element = h('section', { class: 'welcome' }, title, sentence, h('ul', {}, ...starts), h('p', { class: 'fine' }, words.privacy));
  return {
    element,
    /** @param {State} state */
    update(state) {
      setText(title, words.hello(state.session.user.name));
      setText(sentence, state.server.isDurable ? words.roomSentence : words.roomSentenceEphemeral);
    },
  };
}
