import { h, icon, set, setText } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** "I have a recovery phrase": at the door of a room, and in the settings, where what is here now stays behind. @param {Context} context @param {boolean} isInside */
export function makePhraseEntry({ words, dispatch }, isInside) {
  const input = h('input', { name: 'phrase', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: 200 });
  const note = h('small');
  const field = h('label', { class: 'field' }, h('span', {}, words.phraseField), input, note);
  const open = h('button', { class: 'button', 'data-kind': isInside ? 'outline' : 'main', type: 'submit' }, words.openWithPhrase);
  const form = h('form', {}, h('p', {}, words.usePhraseWhat), isInside && h('p', {}, words.usePhraseStays), field, h('div', { class: 'row' }, open));
  const element = h('details', { class: 'more' }, h('summary', {}, icon('right'), words.usePhrase), form);
  element.addEventListener('toggle', () => dispatch({ type: 'phrase_entry_toggled', isOpen: element.open }));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (input.value.trim()) dispatch({ type: 'phrase_used', phrase: input.value.trim() });
  });
  return {
    element,
    /** @param {State} state */
    update({ data: { entry } }) {
      const problems = { none: '', asking: '', wrong: words.phraseWrong, often: words.phraseTooOften, lost: words.noAnswer };
      const problem = problems[entry.phase];
      setText(note, problem);
      set(note, 'role', problem && 'alert');
      set(field, 'data-state', problem && 'bad');
      set(input, 'aria-invalid', problem && 'true');
      open.disabled = entry.phase === 'asking';
      if (!entry.isOpen && element.open) element.open = false;
      if (!entry.isOpen) input.value = '';
    },
  };
}
