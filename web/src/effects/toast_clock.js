// A toast goes by itself; with it goes Undo. Who has the focus or the pointer on it is not hurried.

/** @typedef {import('../base/store.js').Store} Store */

const shownForMs = 5_000;

/** @param {Store} store */
export function clockToasts(store) {
  /** @type {number | undefined} */
  let timer;
  const leave = () => {
    if (document.querySelector('.toast:is(:focus-within, :hover)')) {
      timer = window.setTimeout(leave, 1000);
      return;
    }
    const { deletion } = store.state;
    store.dispatch({ type: 'toast_left' });
    if (deletion) store.dispatch({ type: 'deletion_due' });
  };
  store.addEffect((_action, after, before) => {
    if (after.view.toast === before.view.toast) return;
    clearTimeout(timer);
    if (after.view.toast) timer = window.setTimeout(leave, shownForMs, 'toast'); // named, so that a test can hold it
  });
}
