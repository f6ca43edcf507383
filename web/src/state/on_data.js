// What is yours on this machine: taking it out and in, coming back to it, leaving, and deleting it for good.

/** @typedef {import('./actions.js').Action} Action */
/** @typedef {import('./state.js').State} State */
/** @typedef {import('./state.js').Data} Data */
/** @typedef {import('./state.js').ImportReport} ImportReport */

/** @type {ImportReport} */
export const emptyReport = Object.freeze({ imported: 0, extended: 0, known: 0, leftOut: 0, refused: Object.freeze([]), problem: undefined });

/** @type {Data} */
export const noData = Object.freeze({
  account: undefined,
  phrase: Object.freeze({ phase: /** @type {const} */ ('none'), words: '' }),
  entry: Object.freeze({ isOpen: false, phase: /** @type {const} */ ('none') }),
  end: Object.freeze({ kind: /** @type {const} */ ('none'), phase: /** @type {const} */ ('asked') }),
  import: Object.freeze({ phase: /** @type {const} */ ('none'), at: 0, of: 0, report: emptyReport }),
});

/** @param {State} state @param {Action} action @returns {State | undefined} */
export function onData(state, action) {
  const data = (/** @type {Partial<Data>} */ change) => ({ ...state, data: { ...state.data, ...change } });
  switch (action.type) {
    case 'account_read':
      return data({ account: action.account });
    case 'phrase_wanted':
      return data({ phrase: { phase: 'asking', words: '' } });
    case 'phrase_made':
      return data(phraseMade(state, action.phrase));
    case 'phrase_kept':
      return data({ phrase: noData.phrase });
    case 'phrase_entry_toggled':
      return data({ entry: { isOpen: action.isOpen, phase: 'none' } });
    case 'phrase_used':
      return data({ entry: { isOpen: true, phase: 'asking' } });
    case 'phrase_refused':
      return data({ entry: { isOpen: true, phase: action.why } });
    case 'end_asked':
      return data({ end: { kind: action.kind, phase: 'asked' } });
    case 'end_confirmed':
      return data({ end: { kind: action.kind, phase: 'sending' } });
    case 'end_failed':
      return data({ end: { ...state.data.end, phase: 'failed' } });
    case 'import_moved':
      return data({ import: { phase: 'sending', at: action.at, of: action.of, report: action.report } });
    case 'import_ended':
      return data({ import: { ...state.data.import, phase: 'done', report: action.report } });
    case 'settings_closed':
      return leave(state);
    default:
      return undefined;
  }
}

/** @param {State} state @param {string | undefined} words @returns {Partial<Data>} */
function phraseMade({ data: { account } }, words) {
  if (!words) return { phrase: { phase: 'failed', words: '' } };
  return { phrase: { phase: 'shown', words }, account: account && { ...account, recovery: true } };
}

/** Nothing of it stays open behind a closed sheet; a phrase that was not confirmed is gone, too. @param {State} state @returns {State} */
const leave = (state) => ({
  ...state,
  view: { ...state.view, isSettingsOpen: false },
  data: { ...noData, account: state.data.account, import: state.data.import.phase === 'sending' ? state.data.import : noData.import },
});

/** @param {ImportReport} report @param {import('../wire.js').ImportAnswer} answer @returns {ImportReport} */
export const withAnswer = (report, answer) => ({
  ...report,
  imported: report.imported + answer.imported,
  extended: report.extended + answer.extended,
  known: report.known + answer.known,
  leftOut: report.leftOut + answer.conversations.flatMap(({ left_out = {} }) => Object.values(left_out)).reduce((sum, n) => sum + n, 0),
  refused: [...report.refused, ...answer.conversations.filter(({ status }) => status === 'refused').map(({ title = '', error }) => ({ title, error: error ?? { code: 'internal' } }))],
});
