// The identity of this browser: what the machine keeps of it, its recovery phrase, leaving it, and ending it.
import { identityAsked, openWithPhrase } from '../net/session.js';
import { forgetEverything, leaveWord } from './browser_storage.js';

/** @typedef {import('../base/store.js').Store} Store */

/** Begins the page anew, as whoever this browser is now. */
function startAnew() {
  location.replace('#/');
  location.reload();
}

/** @param {Store} store */
export function keepAccount(store) {
  const { dispatch } = store;

  const readAccount = async () => {
    const { status, body } = await identityAsked('', undefined);
    if (status === 200) dispatch({ type: 'account_read', account: body });
    else if (status === 404 || status === 405) dispatch({ type: 'feature_missing', feature: 'account' });
  };

  const makePhrase = async () => {
    const { status, body } = await identityAsked('recovery', {});
    dispatch({ type: 'phrase_made', phrase: status === 200 ? String(body.phrase) : undefined });
  };

  /** @param {string} phrase */
  const usePhrase = async (phrase) => {
    const answer = await openWithPhrase(phrase);
    if (answer !== 'open') return dispatch({ type: 'phrase_refused', why: answer });
    forgetEverything(); // what was written here belongs to somebody else
    return startAnew();
  };

  /** @param {'leave' | 'erase'} kind */
  const end = async (kind) => {
    const { status } = kind === 'erase' ? await identityAsked('erase', { confirm: 'erase' }) : await identityAsked('forget', {});
    if (status !== 200) return dispatch({ type: 'end_failed' });
    forgetEverything();
    leaveWord(kind === 'erase' ? 'erased' : 'forgotten');
    return startAnew();
  };

  store.addEffect((action, after) => {
    const isWanted = action.type === 'settings_opened' || action.type === 'import_ended' || action.type === 'deletion_done' || (action.type === 'session_opened' && after.view.isSettingsOpen);
    if (isWanted && after.session.phase === 'open') void readAccount(); // before that nobody is known
    if (action.type === 'phrase_wanted') void makePhrase();
    if (action.type === 'phrase_used') void usePhrase(action.phrase);
    if (action.type === 'end_confirmed') void end(action.kind);
  });
}
