import { h, icon, setChildren } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */
/** @typedef {import('../state/state.js').Toast} Toast */

/** For what the person just did, with Undo. Goes by itself; not while it has the focus. @param {Context} context */
export function makeToasts({ words, dispatch }) {
  const element = h('div', { class: 'toasts' });
  /** @type {Toast | undefined} */
  let shown;

  /** @param {Toast} toast */
  const draw = (toast) => {
    const undo = h('button', { type: 'button', onclick: () => dispatch({ type: 'deletion_undone' }) }, words.undo);
    /** @type {Record<Toast['kind'], [string, boolean]>} */
    const stories = {
      deleted: [words.deleted, true],
      all_deleted: [words.allDeleted, true],
      copied: [words.copied, false],
      copy_failed: [words.copyFailed, false],
      rename_failed: [words.renameFailed, false],
      rewrite_failed: [words.rewriteFailed, false],
      erased: [words.erased, false],
      forgotten: [words.forgotten, false],
      export_failed: [words.exportFailed, false],
      file_refused: [words.fileRefused, false],
    };
    const [text, canUndo] = stories[toast.kind];
    return h('p', { class: 'toast', role: 'status' }, toast.kind === 'copied' && icon('check'), h('span', {}, text), canUndo && undo);
  };

  return {
    element,
    /** @param {State} state */
    update({ view }) {
      if (view.toast === shown) return;
      shown = view.toast;
      setChildren(element, shown ? [draw(shown)] : []);
    },
  };
}
