import { h, icon, s, setChildren, setText } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').Reply} Reply */

const placesShown = 5;
const runningShown = 2;

/** A place in line, where the reply will be. Numbers change in place; nothing moves. @param {Context} context @param {string} stream */
export function makeQueueCard({ words, dispatch, read }, stream) {
  const title = h('h3');
  const time = h('time');
  const places = h('ol', { class: 'places', 'aria-hidden': 'true' });
  const ahead = h('span');
  const why = h('summary');
  const element = h('section', { class: 'queue', 'aria-label': words.yourPlace },
    h('header', {}, title, time), places, h('p', {}, ahead, words.queuePromise(read().server.limits.queued_unwatched_ms ?? 1_800_000)),
    h('div', { class: 'row' }, h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: () => edit() }, icon('edit'), words.editQueued), h('button', { class: 'button', 'data-kind': 'plain', 'data-size': 'small', type: 'button',
      onclick: () => dispatch({ type: 'stop_pressed', stream }) }, words.leaveQueue)),
    h('details', {}, why, h('p', {}, words.whyAnswer)));

  // The place is given up: what is sent anew is a new message.
  const edit = () => {
    const state = read();
    const question = state.trees[state.current]?.messages[stream]?.parent;
    dispatch({ type: 'stop_pressed', stream });
    if (question) dispatch({ type: 'edit_started', message: question });
  };

  /** Who is being answered, those ahead, you, and that somebody is behind. @param {number} position @param {number} of @param {number} running */
  const drawPlaces = (position, of, running) => {
    const answered = Array.from({ length: Math.min(running, runningShown) }, () => h('li', { 'data-is': 'running' },
      s('svg', { viewBox: '0 0 36 36' }, s('circle', { cx: 18, cy: 18, r: 14 }), s('circle', { cx: 18, cy: 18, r: 7 })), h('span', {}, words.answered)));
    const first = Math.max(1, position - placesShown + 2);
    const ahead = Array.from({ length: position - first }, (_, i) => h('li', {}, h('i'), h('span', {}, words.nth(first + i))));
    const you = h('li', { 'data-is': 'you' }, h('i'), h('span', {}, words.youHere));
    const behind = of > position ? [h('li', { 'data-is': 'behind' }, h('i'), h('span', {}, words.behind))] : [];
    setChildren(places, [...answered, ...ahead, you, ...behind]);
  };

  return {
    element,
    /** @param {Reply} reply @param {number} running people whose reply is being written */
    update({ queue }, running) {
      const position = queue?.position ?? 1;
      setText(title, words.queueTitle(position));
      setText(time, queue?.etaMs ? words.about(queue.etaMs) : '');
      setText(ahead, queue?.aheadTokens ? `${words.tokensAhead(queue.aheadTokens)} ` : '');
      setText(why, words.why(position));
      drawPlaces(position, queue?.of ?? position, running);
    },
  };
}
