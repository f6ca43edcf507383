import { h, icon, iconButton, set, setChildren, setText } from '../base/dom.js';
import { presetOf } from '../state/chat.js';
import { chatOf, defaultsOf, offers, samplingOf } from '../state/select.js';
import { makeSegmented, makeSlider, makeSwitch } from './controls.js';
import { measureOf } from './meter.js';
import { makePreview } from './preview.js';
import { makeYourData } from './your_data.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Sampling} Sampling */
/** @typedef {import('../state/state.js').Settings} Settings */

/** How the next words are chosen: ready-made settings, sliders, and what they do. @param {Context} context */
function makeChoosing(context) {
  const { words, dispatch } = context;
  /** @param {keyof Sampling} name @param {{label: string, min: number, step: number, note: (value: number) => string}} shape */
  const slider = (name, shape) => makeSlider({ ...shape, id: `slider-${name}`, exact: words.exact(shape.label), changed: (value) => dispatch({ type: 'sampling_changed', name, value }) });
  const preset = makeSegmented('preset', words.presetsLabel, [['precise', words.precise], ['balanced', words.balanced], ['vivid', words.vivid]], (value) => dispatch({ type: 'preset_chosen', preset: value }));
  const sliders = {
    temperature: slider('temperature', { label: words.temperature, min: 0, step: 0.05, note: () => words.temperatureWhat }),
    top_p: slider('top_p', { label: words.topP, min: 0, step: 0.01, note: words.topPWhat }),
    max_tokens: slider('max_tokens', { label: words.longest, min: 1, step: 1, note: () => words.longestWhat }),
    top_k: slider('top_k', { label: words.topK, min: 0, step: 1, note: words.topKWhat }),
    repetition_penalty: slider('repetition_penalty', { label: words.repetition, min: 1, step: 0.005, note: () => words.repetitionWhat }),
    min_p: slider('min_p', { label: words.minP, min: 0, step: 0.01, note: words.minPWhat }),
    presence_penalty: slider('presence_penalty', { label: words.presence, min: -2, step: 0.05, note: () => words.presenceWhat }),
    frequency_penalty: slider('frequency_penalty', { label: words.frequency, min: -2, step: 0.05, note: () => words.frequencyWhat }),
  };
  const thinking = makeSlider({ id: 'slider-thinking', label: words.thinkingBudget, exact: words.exact(words.thinkingBudget), min: 0, step: 1,
    note: (value) => words.thinkingBudgetWhat(value, thoughtsMost), changed: (value) => dispatch({ type: 'thinking_changed', budget: value >= thoughtsMost ? undefined : value }) });
  let thoughtsMost = 0;
  const most = { temperature: 2, top_p: 1, top_k: 200, repetition_penalty: 1.5, min_p: 0.5, presence_penalty: 2, frequency_penalty: 2 };
  const preview = makePreview(context);
  const stop = h('textarea', { rows: 2 });
  const stopWhat = h('small');
  const stopLines = () => stop.value.split('\n').filter((line) => line !== '');
  stop.addEventListener('change', () => dispatch({ type: 'stop_changed', stop: stopLines() }));
  const seed = h('input', { type: 'text', inputmode: 'numeric', pattern: '[0-9]*', placeholder: words.seedAny, maxlength: 15 });
  seed.addEventListener('change', () => {
    const value = Number.parseInt(seed.value, 10);
    dispatch({ type: 'seed_changed', seed: Number.isSafeInteger(value) && value >= 0 ? value : undefined });
    if (!Number.isSafeInteger(value)) seed.value = '';
  });
  const more = h('details', { class: 'more' }, h('summary', {}, icon('right'), words.moreSampling),
    h('div', {}, sliders.min_p.element, sliders.presence_penalty.element, sliders.frequency_penalty.element,
      h('label', { class: 'field' }, h('span', {}, words.stopStrings), stop, stopWhat), h('label', { class: 'field' }, h('span', {}, words.seed), seed, h('small', {}, words.seedWhat))));
  const place = h('div', {});
  const element = h('section', {}, h('h3', {}, words.choosing, preset.group), sliders.temperature.element, sliders.top_p.element, place, sliders.top_k.element,
    sliders.repetition_penalty.element, sliders.max_tokens.element, thinking.element, more, h('p', { class: 'fine' }, words.fromNext));

  return {
    element,
    /** @param {State} state */
    update(state) {
      const chat = chatOf(state);
      const now = samplingOf(state);
      const room = defaultsOf(state);
      for (const [name, each] of Object.entries(sliders)) {
        const key = /** @type {keyof Sampling} */ (name);
        each.update(now[key], key === 'max_tokens' ? state.server.limits.max_tokens : most[key], now[key] !== room[key]);
      }
      thoughtsMost = state.server.limits.max_tokens;
      thinking.element.hidden = !state.server.model?.thinks;
      thinking.update(chat.thinking ?? thoughtsMost, thoughtsMost, chat.thinking !== undefined);
      preset.update(presetOf(chat));
      const stopMax = state.server.limits.stop_strings ?? 4;
      setText(stopWhat, words.stopWhat(stopMax));
      if (document.activeElement !== stop) stop.value = chat.stop.join('\n');
      if (document.activeElement !== seed) seed.value = chat.seed === undefined ? '' : String(chat.seed);
      const isChangedBelow = chat.stop.length > 0 || chat.seed !== undefined || ['min_p', 'presence_penalty', 'frequency_penalty'].some((name) => name in chat.sampling);
      if (isChangedBelow && !more.dataset.was) {
        more.dataset.was = 'opened'; // what is changed is in sight
        more.open = true;
      }
      const hasPreview = preview.update(state);
      place.hidden = !hasPreview;
      setChildren(place, hasPreview ? [preview.element] : []);
    },
  };
}

/** How this page looks and behaves, in this browser. @param {Context} context */
function makePageSettings({ words, dispatch }) {
  const display = (/** @type {Partial<Settings>} */ change) => dispatch({ type: 'display_changed', display: change });
  const theme = makeSegmented('theme', words.theme, [['auto', words.themeAuto], ['day', words.themeDay], ['night', words.themeNight]], (value) => display({ theme: value }));
  const language = makeSegmented('language', words.language, [['en', 'English', 'en'], ['zh', '中文', 'zh-Hans']], (value) => display({ language: value }));
  const size = makeSegmented('size', words.textSize, [['normal', words.sizeNormal], ['large', words.sizeLarge]], (value) => display({ size: value }));
  const embers = makeSwitch(words.embersSetting, words.embersSettingWhat, (isOn) => display({ hasEmbers: isOn }));
  const keep = makeSwitch(words.keepSetting, words.keepSettingWhat, (isOn) => display({ keepsCandidates: isOn }));
  const keys = makeSwitch(words.keysSetting, words.keysSettingWhat, (isOn) => display({ hasLetterKeys: isOn }));
  const aloud = makeSwitch(words.aloudSetting, words.aloudSettingWhat, (isOn) => display({ isReadAloud: isOn }));
  const help = h('button', { class: 'button', 'data-kind': 'outline', type: 'button', onclick: () => {
    dispatch({ type: 'settings_closed' });
    dispatch({ type: 'help_toggled', isOpen: true });
  } }, icon('keys'), words.helpButton);
  const heading = h('h3', {}, words.pageSettings);
  const element = h('section', {});
  return {
    element,
    /** @param {State} state */
    update(state) {
      const { settings } = state;
      theme.update(settings.theme);
      language.update(settings.language);
      size.update(settings.size);
      embers.update(settings.hasEmbers);
      keep.update(settings.keepsCandidates);
      keys.update(settings.hasLetterKeys);
      aloud.update(settings.isReadAloud);
      setChildren(element, [heading, theme.element, language.element, size.element, embers.element, ...(offers(state, 'inspect') ? [keep.element] : []), keys.element, aloud.element, help]);
    },
  };
}

/** What applies from the next message on, and how the page looks. Nothing to save. @param {Context} context */
export function makeSettings(context) {
  const { words, dispatch } = context;
  const close = () => dispatch({ type: 'settings_closed' });
  const system = h('textarea', { rows: 3 });
  system.addEventListener('input', () => dispatch({ type: 'instructions_changed', text: system.value }));
  const cost = h('small');
  const choosing = makeChoosing(context);
  const page = makePageSettings(context);
  const data = makeYourData(context);

  const title = h('h2', { tabindex: -1, id: 'settings-title' });
  const element = h('dialog', { class: 'sheet', 'aria-labelledby': 'settings-title' },
    h('header', {}, title, iconButton('close', words.close, close)),
    h('div', { class: 'body' }, h('section', {}, h('label', { class: 'field' }, h('span', {}, words.instructions), system, cost)), choosing.element, page.element, data.element),
    h('footer', {}, h('button', { class: 'button', type: 'button', onclick: () => dispatch({ type: 'defaults_restored' }) }, words.defaults),
      h('button', { class: 'button', 'data-kind': 'main', type: 'button', onclick: close }, words.done)));
  element.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  // A click beside the sheet lands on the dialog itself.
  element.addEventListener('click', (event) => event.target === element && close());

  /** @param {State} state */
  const draw = (state) => {
    const chat = chatOf(state);
    setText(title, state.trees[state.current] ? words.settingsHere : words.settingsTitle);
    if (system.value !== chat.system) system.value = chat.system;
    set(system, 'maxlength', state.server.limits.system_bytes);
    const measure = measureOf(state);
    setText(cost, chat.system.trim() && measure?.system_tokens ? words.instructionsCost(measure.system_tokens) : words.instructionsWhat);
    choosing.update(state);
    page.update(state);
    data.update(state);
  };

  return {
    element,
    /** @param {State} state */
    update(state) {
      if (state.view.isSettingsOpen) draw(state);
      if (state.view.isSettingsOpen && !element.open) {
        element.showModal();
        title.focus();
      } else if (!state.view.isSettingsOpen && element.open) {
        element.close(); // gives the focus back to where it was
      }
    },
  };
}
