import { h, icon, s, set, setText } from '../base/dom.js';
import { makeSegmented } from './controls.js';
import { makePhraseEntry } from './phrase_entry.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').ErrorBody} ErrorBody */

const people = [[99, 205], [266, 144], [316, 194], [77, 161], [150, 102], [317, 131], [66, 111], [162, 56], [278, 62], [368, 127]];

/** The hearth and the people around it. @param {string} sentence */
const hearthside = (sentence) =>
  h('aside', { class: 'hearthside' },
    s('svg', { viewBox: '0 0 420 262', 'aria-hidden': 'true' },
      s('path', { 'data-is': 'glow', d: 'M176 250v-46a34 34 0 0 1 68 0v46z' }),
      s('path', { 'data-is': 'arch', d: 'M148 250v-46a62 62 0 0 1 124 0v46M132 250h44v-46a34 34 0 0 1 68 0v46h44' }),
      s('rect', { class: 'flame', x: 200, y: 206, width: 20, height: 44 }),
      s('path', { 'data-is': 'wave', d: 'M90 250a120 120 0 0 1 240 0M50 250a160 160 0 0 1 320 0M10 250a200 200 0 0 1 400 0' }),
      ...people.map(([cx, cy]) => s('circle', { cx, cy, r: 9 })),
      s('circle', { 'data-is': 'live', cx: 136, cy: 155, r: 9 }), s('circle', { 'data-is': 'live', cx: 360, cy: 195, r: 9 }),
      s('circle', { 'data-is': 'you', cx: 204, cy: 90, r: 12 })),
    h('p', {}, sentence));

/** The door of a room that has a code. @param {Context} context @param {string} code from the link, or empty */
export function makeGate(context, code) {
  const { words, dispatch } = context;
  const entry = makePhraseEntry(context, false);
  const language = makeSegmented('language', words.language, [['en', 'English', 'en'], ['zh', '中文', 'zh-Hans']], (value) => dispatch({ type: 'display_changed', display: { language: value } }));
  const codeInput = h('input', { name: 'code', value: code, autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', required: true, maxlength: 32 });
  const codeNote = h('small', { id: 'code-note' });
  const codeField = h('label', { class: 'field code-field', 'data-size': 'large' }, h('span', {}, words.roomCode), codeInput, codeNote);
  const nameInput = h('input', { name: 'name', autocomplete: 'nickname', maxlength: 24 });
  const button = h('button', { class: 'button', 'data-kind': 'main', 'data-size': 'large', type: 'submit' }, words.join);
  const form = h('form', { class: 'card', 'aria-labelledby': 'join-title' },
    h('div', { class: 'brand' }, icon('hearth'), 'Hearth', language.group),
    h('header', {}, h('h1', { id: 'join-title' }, words.joinTitle), h('p', {}, words.joinWhat)),
    codeField,
    h('label', { class: 'field', 'data-size': 'large' }, h('span', {}, words.yourName), nameInput, h('small', {}, words.yourNameWhat)),
    button, h('p', { class: 'fine' }, words.joinFine));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    dispatch({ type: 'join_asked', code: codeInput.value.trim(), name: nameInput.value.trim() });
  });
  set(codeInput, 'aria-describedby', 'code-note');

  /** @param {ErrorBody | undefined} problem */
  const noteFor = (problem) => {
    if (!problem) return words.roomCodeWhat;
    if (problem.code === 'rate_limited') return words.tooManyTries;
    return /[oi01]/i.test(codeInput.value) ? `${words.wrongCode} ${words.wrongCodeHint}` : words.wrongCode;
  };

  return {
    elements: [h('main', {}, h('div', { class: 'door' }, form, entry.element)), hearthside(words.hearthside)],
    focus: () => (code ? nameInput : codeInput).focus(),
    /** @param {State} state */
    update(state) {
      const { session } = state;
      language.update(state.settings.language);
      entry.update(state);
      setText(codeNote, session.isUnreachable ? words.noAnswer : noteFor(session.problem));
      set(codeNote, 'role', session.problem && 'alert');
      set(codeField, 'data-state', session.problem && 'bad');
      set(codeInput, 'aria-invalid', session.problem && 'true');
      button.disabled = session.phase === 'joining';
    },
  };
}
