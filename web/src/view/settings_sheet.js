import { h, icon, iconButton, set, setText } from '../base/dom.js';
import { chatOf, defaultsOf, samplingOf } from '../state/select.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Sampling} Sampling */

/** A slider with its number field; both say the same. @param {Context} context @param {keyof Sampling} name @param {{label: string, min: number, step: number, note: (value: number) => string}} shape */
function makeSlider({ words, dispatch, read }, name, { label, min, step, note }) {
  const id = `slider-${name}`;
  const range = h('input', { type: 'range', id, min, step });
  const number = h('input', { type: 'number', 'aria-label': words.exact(label), min, step: 'any', inputmode: 'decimal' });
  const small = h('small');
  const element = h('div', { class: 'slider' }, h('label', { for: id }, label), number, range, small);
  range.addEventListener('input', () => dispatch({ type: 'sampling_changed', name, value: range.valueAsNumber }));
  // A half-typed number is not a number yet; outside the range the nearest end is meant.
  number.addEventListener('change', () => {
    const typed = number.valueAsNumber;
    const whole = step >= 1 ? Math.round(typed) : typed;
    if (Number.isFinite(typed)) dispatch({ type: 'sampling_changed', name, value: Math.min(Number(range.max), Math.max(min, whole)) });
    number.value = String(samplingOf(read())[name]);
  });
  return {
    element,
    /** @param {State} state @param {number} max */
    update(state, max) {
      const value = samplingOf(state)[name];
      set(range, 'max', max);
      set(number, 'max', max);
      if (range.valueAsNumber !== value) range.value = String(value);
      if (document.activeElement !== number || Number.isNaN(number.valueAsNumber)) number.value = String(value);
      set(element, 'data-state', value !== defaultsOf(state)[name] && 'changed');
      setText(small, note(value));
    },
  };
}

/**
 * @template {string} T
 * @param {string} name @param {string} label @param {[T, string, string?][]} choices value, words, language of the words @param {(value: T) => void} chosen
 */
function makeSegmented(name, label, choices, chosen) {
  const inputs = choices.map(([value, text, lang]) => {
    const input = h('input', { type: 'radio', name, value });
    input.addEventListener('change', () => chosen(value));
    return { value, input, label: h('label', {}, input, h('span', { lang }, text)) };
  });
  const element = h('div', { class: 'switch' }, h('span', {}, label),
    h('span', { class: 'segmented', role: 'radiogroup', 'aria-label': label }, ...inputs.map((each) => each.label)));
  return {
    element,
    /** @param {T} value */
    update: (value) => {
      for (const each of inputs) each.input.checked = each.value === value;
    },
  };
}

/** Settings: what applies from the next message on, and how the page looks. Nothing to save. @param {Context} context */
export function makeSettings(context) {
  const { words, dispatch } = context;
  const close = () => dispatch({ type: 'settings_closed' });
  const display = (/** @type {Partial<import('../state/state.js').Settings>} */ change) => dispatch({ type: 'display_changed', display: change });

  const system = h('textarea', { rows: 3 });
  system.addEventListener('input', () => dispatch({ type: 'instructions_changed', text: system.value }));
  const sliders = {
    max_tokens: makeSlider(context, 'max_tokens', { label: words.longest, min: 1, step: 1, note: () => words.longestWhat }),
    temperature: makeSlider(context, 'temperature', { label: words.temperature, min: 0, step: 0.05, note: () => words.temperatureWhat }),
    top_p: makeSlider(context, 'top_p', { label: words.topP, min: 0, step: 0.01, note: words.topPWhat }),
    top_k: makeSlider(context, 'top_k', { label: words.topK, min: 0, step: 1, note: words.topKWhat }),
    repetition_penalty: makeSlider(context, 'repetition_penalty', { label: words.repetition, min: 1, step: 0.005, note: () => words.repetitionWhat }),
  };
  const theme = makeSegmented('theme', words.theme, [['auto', words.themeAuto], ['day', words.themeDay], ['night', words.themeNight]], (value) => display({ theme: value }));
  const language = makeSegmented('language', words.language, [['en', 'English', 'en'], ['zh', '中文', 'zh-Hans']], (value) => display({ language: value }));
  const size = makeSegmented('size', words.textSize, [['normal', words.sizeNormal], ['large', words.sizeLarge]], (value) => display({ size: value }));
  const deleteAll = h('button', { class: 'button', 'data-kind': 'bad', type: 'button', onclick: () => dispatch({ type: 'history_cleared' }) }, icon('trash'), words.deleteAll);

  const title = h('h2', { tabindex: -1, id: 'settings-title' }, words.settingsTitle);
  const element = h('dialog', { class: 'sheet', 'aria-labelledby': 'settings-title' },
    h('header', {}, title, iconButton('close', words.close, close)),
    h('div', { class: 'body' },
      h('section', {}, h('label', { class: 'field' }, h('span', {}, words.instructions), system, h('small', {}, words.instructionsWhat))),
      h('section', {}, h('h3', {}, words.choosing), sliders.max_tokens.element, sliders.temperature.element, sliders.top_p.element, sliders.top_k.element,
        sliders.repetition_penalty.element, h('p', { class: 'fine' }, words.fromNext)),
      h('section', {}, h('h3', {}, words.display), theme.element, language.element, size.element),
      h('section', {}, h('h3', {}, words.yourData), h('div', { class: 'row' }, deleteAll))),
    h('footer', {}, h('button', { class: 'button', type: 'button', onclick: () => dispatch({ type: 'defaults_restored' }) }, words.defaults),
      h('button', { class: 'button', 'data-kind': 'main', type: 'button', onclick: close }, words.done)));
  element.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  // A click beside the sheet lands on the dialog itself.
  element.addEventListener('click', (event) => event.target === element && close());

  return {
    element,
    /** @param {State} state */
    update(state) {
      const chat = chatOf(state);
      if (system.value !== chat.system) system.value = chat.system;
      set(system, 'maxlength', state.server.limits.system_bytes);
      sliders.max_tokens.update(state, state.server.limits.max_tokens);
      sliders.temperature.update(state, 2);
      sliders.top_p.update(state, 1);
      sliders.top_k.update(state, 200);
      sliders.repetition_penalty.update(state, 1.5);
      theme.update(state.settings.theme);
      language.update(state.settings.language);
      size.update(state.settings.size);
      deleteAll.disabled = state.conversations.list.length === 0;
      if (state.view.isSettingsOpen && !element.open) {
        element.showModal();
        title.focus();
      } else if (!state.view.isSettingsOpen && element.open) {
        element.close(); // gives the focus back to where it was
      }
    },
  };
}
