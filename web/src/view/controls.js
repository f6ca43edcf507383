// Controls of the settings that are made of several elements.
import { h, set } from '../base/dom.js';

/**
 * A slider with its number field; both say the same. A half-typed number is not a number yet; outside the range the nearest end is meant.
 * @param {{id: string, label: string, exact: string, min: number, step: number, note: (value: number) => string, changed: (value: number) => void}} shape
 */
export function makeSlider({ id, label, exact, min, step, note, changed }) {
  const range = h('input', { type: 'range', id, min, step });
  const number = h('input', { type: 'number', 'aria-label': exact, min, step: 'any', inputmode: 'decimal' });
  const small = h('small');
  const element = h('div', { class: 'slider' }, h('label', { for: id }, label), number, range, small);
  let now = 0;
  range.addEventListener('input', () => changed(range.valueAsNumber));
  number.addEventListener('change', () => {
    const typed = number.valueAsNumber;
    const whole = step >= 1 ? Math.round(typed) : typed;
    const held = Number.isFinite(typed) ? Math.min(Number(range.max), Math.max(min, whole)) : now;
    number.value = String(held);
    if (Number.isFinite(typed)) changed(held);
  });
  return {
    element,
    /** @param {number} value @param {number} max @param {boolean} isChanged */
    update(value, max, isChanged) {
      now = value;
      set(range, 'max', max);
      set(number, 'max', max);
      if (range.valueAsNumber !== value) range.value = String(value);
      if (document.activeElement !== number) number.value = String(value); // what is being typed is the person's
      set(element, 'data-state', isChanged && 'changed');
      const text = note(value);
      if (small.textContent !== text) small.textContent = text;
    },
  };
}

/**
 * @template {string} T
 * @param {string} name @param {string} label @param {[T, string, string?][]} choices value, words, language of the words @param {(value: T) => void} chosen
 */
export function makeSegmented(name, label, choices, chosen) {
  const inputs = choices.map(([value, text, lang]) => {
    const input = h('input', { type: 'radio', name, value });
    input.addEventListener('change', () => chosen(value));
    return { value, input, label: h('label', {}, input, h('span', { lang }, text)) };
  });
  const group = h('span', { class: 'segmented', role: 'radiogroup', 'aria-label': label }, ...inputs.map((each) => each.label));
  return {
    group,
    element: h('div', { class: 'switch' }, h('span', {}, label), group),
    /** @param {T | undefined} value */
    update: (value) => {
      for (const each of inputs) each.input.checked = each.value === value;
    },
  };
}

/** @param {string} label @param {string} note @param {(isOn: boolean) => void} changed */
export function makeSwitch(label, note, changed) {
  const input = h('input', { type: 'checkbox', role: 'switch' });
  input.addEventListener('change', () => changed(input.checked));
  return { element: h('label', { class: 'switch' }, h('span', {}, label), h('small', {}, note), input), update: (/** @type {boolean} */ isOn) => (input.checked = isOn) };
}
