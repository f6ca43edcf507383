// The room at a glance: a dot for each person, and no names.
import { h, s, set, setChildren, setText } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

const dotsMax = 24;
const perRow = 12;
const stepPx = 12;

/** @param {Context} context */
export function makeRoomPulse({ words }) {
  const dots = s('svg', { class: 'pulse', 'aria-hidden': 'true' });
  const counts = h('span');
  const answered = h('span', { class: 'unseen' });
  const element = h('div', { class: 'room-pulse' }, dots, h('span', {}, h('strong', {}, words.roomName), ' ', counts, answered));
  let drawn = '';

  /** @param {{people: number, running: number, queued: number}} room */
  const draw = ({ people, running, queued }) => {
    const shown = Math.min(people, dotsMax);
    const rows = Math.ceil(shown / perRow);
    const columns = Math.min(shown, perRow);
    const more = people > dotsMax ? words.roomMore(people - dotsMax) : '';
    const width = columns * stepPx + 3 + (more ? 28 : 0);
    const height = rows * stepPx;
    set(dots, 'viewBox', `0 0 ${width} ${height}`);
    set(dots, 'width', width);
    set(dots, 'height', height);
    const kind = (/** @type {number} */ at) => (at < running ? 'live' : at < running + queued ? 'wait' : 'idle');
    setChildren(dots, [
      ...Array.from({ length: shown }, (_, at) => s('circle', { 'data-is': kind(at), cx: 5 + stepPx * (at % perRow), cy: 6 + stepPx * Math.floor(at / perRow), r: 3.5 })),
      ...(more ? [s('text', { x: columns * stepPx + 3, y: height - 2 }, more)] : []),
    ]);
  };

  return {
    element,
    /** @param {State} state @returns {boolean} whether there is anything to show */
    update({ room }) {
      if (!room) return false;
      setText(counts, words.roomPeople(room.people, room.queued));
      setText(answered, room.running ? words.roomAnswered(room.running) : '');
      const key = `${room.people} ${room.running} ${room.queued}`;
      if (key !== drawn) draw(room);
      drawn = key;
      return true;
    },
  };
}
