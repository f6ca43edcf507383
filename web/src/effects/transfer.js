// Conversations as files: one or all of them out, others in.
import { emptyReport, withAnswer } from '../state/on_data.js';
import { parcelsOf } from '../state/import_files.js';
import { markdownOf } from '../state/markdown_export.js';
import { currentTree, pathOf } from '../state/select.js';

/** @typedef {import('../base/store.js').Store} Store */
/** @typedef {import('../state/state.js').ImportReport} ImportReport */

const triesWhileBusy = 5;

/** @param {string} name @param {Blob} blob */
function download(name, blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {string} title */
const fileName = (title) => title.replace(/[\\/:*?"<>|\s\x00-\x1f]+/g, ' ').trim().slice(0, 80) || 'conversation';

/** The name that the server gave the file. @param {Response} answer @param {string} otherwise */
function nameOf(answer, otherwise) {
  const disposition = answer.headers.get('content-disposition') ?? '';
  const name = /filename="([^"]+)"/.exec(disposition)?.[1];
  return name && /^[\w .()-]{1,120}$/.test(name) ? name : otherwise;
}

/** @param {string} body @returns {Promise<import('../wire.js').ImportAnswer | 'unread' | 'tooLarge' | 'busy' | 'lost' | 'missing'>} */
async function importParcel(body) {
  for (let tries = 1; ; tries++) {
    const answer = await fetch('/api/v1/import', { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(() => undefined);
    if (answer?.ok) return answer.json();
    if (!answer || answer.status >= 500) return 'lost';
    if (answer.status === 404 || answer.status === 405) return 'missing';
    if (answer.status === 413) return 'tooLarge';
    if (answer.status !== 429) return 'unread';
    if (tries === triesWhileBusy) return 'busy';
    const seconds = Number(answer.headers.get('retry-after')) || 1;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** @param {Store} store */
export function transferFiles(store) {
  const { dispatch } = store;

  /** @param {string} path @param {string} name */
  const fetchFile = async (path, name) => {
    const answer = await fetch(`/api/v1/${path}`).catch(() => undefined);
    const blob = answer?.ok ? await answer.blob().catch(() => undefined) : undefined; // a stream that is cut is no file
    if (answer && blob) download(nameOf(answer, name), blob);
    else dispatch({ type: 'toast_shown', toast: { kind: 'export_failed' } });
    if (answer?.status === 405) dispatch({ type: 'feature_missing', feature: 'export' });
  };

  /** @param {readonly File[]} files */
  const importFiles = async (files) => {
    let report = emptyReport;
    /** @type {string[]} */
    const grown = [];
    for (const [at, file] of files.entries()) {
      dispatch({ type: 'import_moved', at: at + 1, of: files.length, report });
      const { parcels, problem } = parcelsOf(await file.text().catch(() => ''));
      if (problem) report = { ...report, problem };
      for (const parcel of parcels) {
        const answer = await importParcel(parcel);
        if (answer === 'missing') dispatch({ type: 'feature_missing', feature: 'export' });
        if (typeof answer === 'string') {
          report = { ...report, problem: answer === 'missing' ? 'lost' : answer };
          break;
        }
        report = withAnswer(report, answer);
        grown.push(...answer.conversations.filter(({ status }) => status === 'extended').map(({ conversation = '' }) => conversation));
        dispatch({ type: 'import_moved', at: at + 1, of: files.length, report });
      }
    }
    dispatch({ type: 'import_ended', report, grown });
  };

  store.addEffect((action, after) => {
    if (action.type === 'conversation_exported') {
      const title = after.conversations.list.find(({ id }) => id === action.id)?.title ?? '';
      if (action.format === 'hearth') void fetchFile(`conversations/${action.id}/export`, `${fileName(title)}.json`);
      else download(`${fileName(title)}.md`, new Blob([markdownOf(title, pathOf(currentTree(after)))], { type: 'text/markdown' }));
    }
    if (action.type === 'everything_exported') void fetchFile('export', 'hearth.json');
    if (action.type === 'files_imported' && action.files.length > 0) void importFiles(action.files);
  });
}
