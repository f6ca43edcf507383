import { h, iconButton } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** Every shortcut, as the keyboard has them. @param {Context} context */
export function makeHelp({ words, dispatch }) {
  const close = () => dispatch({ type: 'help_toggled', isOpen: false });
  const title = h('h2', { tabindex: -1, id: 'help-title' }, words.helpTitle);
  const rows = words.shortcuts.map(([keys, does]) => h('div', {}, h('dt', {}, ...keys.split(' ').map((key) => h('kbd', {}, key))), h('dd', {}, does)));
  const element = h('dialog', { class: 'sheet', 'aria-labelledby': 'help-title' },
    h('header', {}, title, iconButton('close', words.close, close)), h('div', { class: 'body', tabindex: 0 }, h('dl', { class: 'shortcuts' }, ...rows)),
    h('footer', {}, h('button', { class: 'button', 'data-kind': 'main', type: 'button', onclick: close }, words.done)));
  element.addEventListener('cancel', (event) => {
    event.preventDefault();
    close();
  });
  element.addEventListener('click', (event) => event.target === element && close());
  return {
    element,
    /** @param {State} state */
    update({ view }) {
      if (view.isHelpOpen && !element.open) {
        element.showModal();
        title.focus();
      } else if (!view.isHelpOpen && element.open) {
        element.close();
      }
    },
  };
}
