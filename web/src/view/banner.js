import { h, icon, iconButton, set, setChildren } from '../base/dom.js';

/** @typedef {import('./page.js').Context} Context */
/** @typedef {import('../state/state.js').State} State */

/** One at a time, above the conversation: what is wrong with the connection, and that it is well again. @param {Context} context */
export function makeBanner({ words, dispatch, retryNow }) {
  const element = h('div', { class: 'banner' });
  const strong = h('strong');
  const text = h('span');
  const line = h('p', {}, strong, text);
  const again = h('button', { class: 'button', 'data-kind': 'outline', 'data-size': 'small', type: 'button', onclick: retryNow }, words.tryNow);
  const reload = h('button', { class: 'button', 'data-kind': 'main', 'data-size': 'small', type: 'button', onclick: () => location.reload() }, words.reload);
  const dismiss = iconButton('close', words.dismiss, () => dispatch({ type: 'notice_dismissed' }));
  const icons = { offline: icon('offline'), again: icon('again'), check: icon('check') };

  /** @param {string | undefined} kind @param {keyof typeof icons} name @param {string} first @param {string} rest @param {Node[]} buttons @param {'alert' | 'status'} role */
  const show = (kind, name, first, rest, buttons, role) => {
    set(element, 'data-kind', kind);
    set(element, 'role', role);
    // Written only when it differs, and the ticking seconds are not announced again: the role speaks once, when the banner appears.
    if (strong.textContent !== first) strong.textContent = first;
    if (text.textContent !== rest) text.textContent = rest;
    setChildren(element, [icons[name], line, ...buttons]);
  };

  return {
    element,
    /** @param {State} state @returns {boolean} whether it is shown */
    update({ connection, now }) {
      const space = words.tag === 'en' ? ' ' : '';
      if (connection.phase === 'ended') {
        const isOld = connection.code === 4406;
        show('care', 'again', isOld ? words.versionChanged : words.signedOut, space + (isOld ? words.versionChangedWhat : words.signedOutWhat), [reload], 'alert');
      } else if (connection.notice === 'banner' && connection.isRestart) {
        show(undefined, 'again', words.restarting, space + words.restartingKept, [], 'status');
      } else if (connection.notice === 'banner') {
        const wait = connection.phase === 'lost' && connection.retryAt > now ? words.tryingIn(connection.retryAt - now) : words.tryingNow;
        show('care', 'offline', words.offline, space + wait + space + words.offlineKept, [again], 'alert');
      } else if (connection.notice === 'back') {
        show('host', 'check', words.back, space + words.backKept, [dismiss], 'status');
      } else {
        return false;
      }
      return true;
    },
  };
}
