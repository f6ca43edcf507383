import { h, icon, setChildren, setText } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').Reply} Reply */

const placesShown = 8;

/** A place in line, where the reply will be. Numbers change in place; nothing moves. @param {Context} context @param {string} stream */
export function makeQueueCard({ words, dispatch, read }, stream) {
  const title = h('h3');
  const time = h('time');
  const places = h('ol', { class: 'places', 'aria-hidden': 'true' });
  const ahead = h('span');
  const element = h('section', { class: 'queue', 'aria-label': words.yourPlace },
    h('header', {}, title, time), places, h('p', {}, ahead, words.queuePromise),
    h('div', { class: 'row' }, h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => edit() }, icon('edit'), words.editQueued), h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button',
      onclick: () => dispatch({ type: 'stop_pressed', stream }) }, words.leaveQueue)),
    h('details', {}, h('summary', {}, words.why), h('p', {}, words.whyAnswer)));

  // The place is given up: what is sent anew is a new message.
  const edit = () => {
    const state = read();
    const question = state.trees[state.current]?.messages[stream]?.parent;
    dispatch({ type: 'stop_pressed', stream });
    if (question) dispatch({ type: 'edit_started', message: question });
  };

  /** @param {number} position @param {number} of */
  const drawPlaces = (position, of) => {
    const last = Math.min(Math.max(of, position), placesShown);
    const place = (/** @type {number} */ n) => h('li', { 'data-is': n === position ? 'you' : n > position ? 'behind' : undefined }, h('i'), h('span', {}, n === position ? words.you : String(n)));
    setChildren(places, Array.from({ length: last }, (_, i) => place(i + 1)));
  };

  return {
    element,
    /** @param {Reply} reply */
    update({ queue }) {
      const position = queue?.position ?? 1;
      setText(title, words.queueTitle(position));
      setText(time, queue?.etaMs ? words.about(queue.etaMs) : '');
      setText(ahead, queue?.aheadTokens ? `${words.tokensAhead(queue.aheadTokens)} ` : '');
      drawPlaces(position, queue?.of ?? position);
    },
  };
}
