// Conversations as files: one or all of them out, others in. What the server does not do, the page does as far as it can.
import { markdownOf } from '../state/markdown_export.js';
import { currentTree, pathOf } from '../state/select.js';

/** @typedef {import('../base/store.js').Store} Store */

const importMax = 16 * 1024 * 1024;

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

/** The conversations in a file: one, a list of them, or one in each line. @param {string} text @returns {unknown[]} */
export function conversationsIn(text) {
  try {
    const whole = JSON.parse(text);
    return Array.isArray(whole) ? whole : [whole];
  } catch {
    return text.split('\n').filter((line) => line.trim()).map((line) => JSON.parse(line)).filter((line) => 'messages' in line || 'mapping' in line || 'chat' in line); // the first line of an export is none
  }
}

/** @param {Store} store */
export function transferFiles(store) {
  const { dispatch } = store;

  /** @param {string} path @param {string} name */
  const fetchFile = async (path, name) => {
    const answer = await fetch(`/api/v1/${path}`).catch(() => undefined);
    if (answer?.ok) download(name, await answer.blob());
    else dispatch({ type: 'toast_shown', toast: { kind: 'export_failed' } });
    if (answer?.status === 404) dispatch({ type: 'feature_missing', feature: 'export' });
  };

  /** @param {readonly File[]} files */
  const importFiles = async (files) => {
    let isGood = files.length > 0;
    for (const file of files) {
      try {
        for (const conversation of conversationsIn(await file.text())) {
          const body = JSON.stringify(conversation);
          const answer = body.length <= importMax ? await fetch('/api/v1/import', { method: 'POST', headers: { 'content-type': 'application/json' }, body }) : undefined;
          if (answer?.status === 404 || answer?.status === 405) dispatch({ type: 'feature_missing', feature: 'export' });
          isGood &&= answer?.ok ?? false;
        }
      } catch {
        isGood = false; // no JSON, or no connection
      }
    }
    dispatch({ type: 'toast_shown', toast: { kind: isGood ? 'imported' : 'import_failed' } });
    dispatch({ type: 'list_wanted' });
  };

  store.addEffect((action, after) => {
    if (action.type === 'conversation_exported') {
      const title = after.conversations.list.find(({ id }) => id === action.id)?.title ?? '';
      if (action.format === 'hearth') void fetchFile(`conversations/${action.id}/export?format=hearth`, `${fileName(title)}.json`);
      else download(`${fileName(title)}.md`, new Blob([markdownOf(title, pathOf(currentTree(after)))], { type: 'text/markdown' }));
    }
    if (action.type === 'everything_exported') void fetchFile('export', 'hearth.jsonl');
    if (action.type === 'files_imported') void importFiles(action.files);
  });
}
